// Programs that name a file in the place of sending it, with a real PHP: X-Sendfile and X-Accel-Redirect inside the folder that
// the configuration allows, and nowhere else.

import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { needs } from "../harness/needs.ts";
import { type PhpFpm, phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needs(...phpFpmNeeds);

/** Names what it is asked to; its own body is not to be seen. */
const send = `<?php
if (isset($_GET["sendfile"])) header("X-Sendfile: " . $_GET["sendfile"]);
if (isset($_GET["accel"])) header("X-Accel-Redirect: " . $_GET["accel"]);
if (isset($_GET["status"])) http_response_code((int) $_GET["status"]);
header("Content-Type: application/x-report");
header('Content-Disposition: attachment; filename="r.bin"');
header("Set-Cookie: seen=1; path=/");
header("Cache-Control: private");
header("X-Accel-Buffering: no");
for ($i = 0; $i < 50; $i++) echo str_repeat("own body ", 1000);`;

const stack = new AsyncDisposableStack();
let php: PhpFpm;
let program: Tidegate;
let outside = "";

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

before(async () => {
  if (skip !== false) return;
  php = stack.use(await startPhpFpm({ scripts: { "send.php": send } }));
  const { root, folder, socket } = php;
  const files = join(folder, "files");
  outside = join(folder, "outside");
  await put(join(files, "report.bin"), "0123456789");
  await put(join(files, "protected/a b.bin"), "spaced");
  await put(join(files, "empty.bin"), "");
  await put(join(files, "source.php"), "<?php secret");
  await put(join(outside, "secret.txt"), "secret");
  await put(`${files}-other/secret.txt`, "secret");
  await symlink(join(outside, "secret.txt"), join(files, "link.bin"));
  await symlink(outside, join(files, "folder"));
  await symlink("source.php", join(files, "innocent.bin"));
  const settings = { backends: `unix:${socket}`, root };
  program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test": { service: { fastcgi: { ...settings, sendFiles: files } } },
          "never.test": { service: { fastcgi: settings } },
        },
      },
    }),
  );
});
after(() => stack.disposeAsync());

const filesOf = () => join(php.folder, "files");

function asking(query: Readonly<Record<string, string>>, headers = {}, method = "GET") {
  const path = `/send.php?${new URLSearchParams(query).toString()}`;
  return ask(program.port(), { path, headers, method });
}

test(
  "the file goes out with the head of the program, and the program's body does not",
  { skip },
  async () => {
    for (const query of [
      { sendfile: `${filesOf()}/report.bin` },
      { accel: "/report.bin" },
      { accel: `${filesOf()}/report.bin` },
      { accel: "/report.bin?x=1" },
    ]) {
      const response = await asking(query);
      assert.equal(response.status, 200, JSON.stringify(query));
      assert.equal(response.body, "0123456789");
      assert.equal(field(response, "content-length"), "10");
      assert.equal(field(response, "content-type"), "application/x-report");
      assert.match(field(response, "content-disposition"), /r\.bin/);
      assert.match(field(response, "set-cookie"), /seen=1/);
      assert.equal(field(response, "cache-control"), "private");
      assert.notEqual(field(response, "etag"), "");
      for (const name of ["x-sendfile", "x-accel-redirect", "x-accel-buffering"]) {
        assert.equal(field(response, name), "", name);
      }
    }
    assert.equal((await asking({ accel: "/protected/a%20b.bin" })).body, "spaced");
    assert.equal((await asking({ accel: "/empty.bin" })).body, "");
  },
);

test(
  "parts of it can be asked for, and what is known already is not sent again",
  { skip },
  async () => {
    const part = await asking({ accel: "/report.bin" }, { Range: "bytes=2-4" });
    assert.equal(part.status, 206);
    assert.equal(part.body, "234");
    assert.equal(field(part, "content-range"), "bytes 2-4/10");
    const whole = await asking({ accel: "/report.bin" });
    const tag = field(whole, "etag");
    const again = await asking({ accel: "/report.bin" }, { "If-None-Match": tag });
    assert.equal(again.status, 304);
    assert.match(field(again, "set-cookie"), /seen=1/);
    const head = await asking({ accel: "/report.bin" }, {}, "HEAD");
    assert.equal(field(head, "content-length"), "10");
  },
);

test("nothing outside of the folder is sent, however it is named", { skip }, async () => {
  const refused = [
    { sendfile: `${outside}/secret.txt` },
    { sendfile: `${filesOf()}/../outside/secret.txt` },
    { sendfile: `${filesOf()}-other/secret.txt` },
    { sendfile: `${filesOf()}/link.bin` },
    { sendfile: `${filesOf()}/folder/secret.txt` },
    { sendfile: "/etc/passwd" },
    { sendfile: "report.bin" },
    { sendfile: `${filesOf().toUpperCase()}/report.bin` },
    { accel: "/link.bin" },
    { accel: "/folder/secret.txt" },
    { accel: "/%2e%2e/outside/secret.txt" },
    { accel: "/..%2foutside/secret.txt" },
    { accel: "/x/..%2f..%2foutside/secret.txt" },
    { accel: "../outside/secret.txt" },
    { accel: "@named" },
    { accel: "http://other.test/" },
  ];
  for (const query of refused) {
    const response = await asking(query);
    assert.match(String(response.status), /^40[34]$/, JSON.stringify(query));
    assert.doesNotMatch(response.body, /secret<|root:|own body/);
    assert.doesNotMatch(response.body, /^secret/);
  }
});

test("a program is not sent as a file, not under another name either", { skip }, async () => {
  for (const accel of ["/source.php", "/innocent.bin"]) {
    const response = await asking({ accel });
    assert.equal(response.status, 403, accel);
    assert.doesNotMatch(response.body, /php secret/);
  }
});

test("what is not there, or a folder, is not found", { skip }, async () => {
  for (const accel of ["/nothing.bin", "/protected", "/report.bin/", "/report.bin/x"]) {
    assert.equal((await asking({ accel })).status, 404, accel);
  }
});

test(
  "an answer that is no success stands, and where nothing is allowed nothing is obeyed",
  { skip },
  async () => {
    const failed = await asking({ accel: "/report.bin", status: "500" });
    assert.equal(failed.status, 500);
    assert.match(failed.body, /^own body/);
    assert.equal(field(failed, "x-accel-redirect"), "");
    const path = `/send.php?sendfile=${encodeURIComponent(filesOf())}/report.bin`;
    const never = await ask(program.port(), { name: "never.test", path });
    assert.equal(never.status, 200);
    assert.match(never.body, /^own body/);
    assert.equal(field(never, "x-sendfile"), "");
  },
);
