// `tidegate hipache` without any Redis: what it makes of its configuration, what it answers by itself, and that it
// goes over to another configuration.

import assert from "node:assert/strict";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import {
  type CommandOptions,
  type Ended,
  runCommand,
  tidegate as launcher,
} from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { configJson } from "../harness/hipache.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const options = { timeout: 60_000 };

async function started(server: Readonly<Record<string, unknown>> = {}) {
  // Nobody is there, and nobody has to be.
  const driver = `redis://127.0.0.1:${await freePort()}`;
  return startTidegate({ command: "hipache", config: configJson(driver, server) });
}

test(
  "pings and unknown hosts are answered as Hipache answers them, Redis or not",
  options,
  async () => {
    await using program = await started();
    const ping = await ask(program.port(), {
      name: "__ping__",
      path: "/x",
      method: "POST",
      body: "x",
    });
    assert.equal(ping.status, 200);
    assert.equal(ping.body, "ok");
    assert.equal(field(ping, "content-length"), "2");
    const unknown = await ask(program.port(), { headers: { Accept: "application/json" } });
    assert.equal(unknown.status, 400);
    assert.equal(field(unknown, "content-type"), "text/html");
    assert.equal(field(unknown, "expires"), "-1");
    await using old = await connect(program.port());
    await old.send("GET / HTTP/1.0\r\nX-Debug: 1\r\n\r\n");
    const hostless = await old.readResponse();
    assert.equal(hostless.status, 400);
    assert.equal(field(hostless, "x-debug-error"), "no host header");
  },
);

test(
  "pages of staticDir are shown as they are, by status and else the default one",
  options,
  async () => {
    await using folder = await tempFolder();
    await mkdir(folder.file("static"));
    await writeFile(folder.file("static/error_400.html"), "<p>{status} gr\u00FC\u00DFe \u2713</p>");
    await writeFile(folder.file("static/error_default.html"), "<p>default</p>");
    await using program = await started({ staticDir: folder.file("static") });
    const unknown = await ask(program.port());
    assert.equal(
      Buffer.from(unknown.body, "latin1").toString(),
      "<p>{status} gr\u00FC\u00DFe \u2713</p>",
    );
    const wrong = await ask(program.port(), { method: "CONNECT", path: "a:1" });
    assert.equal(wrong.status, 501);
    assert.equal(wrong.body, "<p>default</p>");
  },
);

test("config.json is read again, and one that is wrong changes nothing", options, async () => {
  await using program = await started();
  const driver = `redis://127.0.0.1:${await freePort()}`;
  await program.writeConfig(`{"driver": "memcached://h", "server": {}}`);
  await program.waitForLog(/memcached is not read/);
  assert.equal((await ask(program.port(), { name: "__ping__" })).status, 200);
  await using folder = await tempFolder();
  await writeFile(folder.file("error_default.html"), "new");
  const next = configJson(driver, { staticDir: folder.path, unknownKey: true });
  await program.writeConfig(next.replaceAll("{folder}", program.folder));
  program.signal("SIGHUP");
  await program.waitForLog(/"unknownKey\\?" is not known/);
  await eventually("the new page", async () =>
    (await ask(program.port())).body === "new" ? true : undefined,
  );
});

test("the access log is opened anew by SIGUSR1, and has Hipache's line", options, async () => {
  await using program = await started();
  await ask(program.port(), { path: "/first" });
  const line = await program.waitForLog(/\/first/);
  assert.match(
    line,
    /^::ffff:127\.0\.0\.1 - - \[.* \+0000\] "GET \/first HTTP\/1\.1" 400 \d+ "" "" "" \d/,
  );
  const log = join(program.folder, "access.log");
  await rename(log, `${log}.1`);
  program.signal("SIGUSR1");
  await eventually("a line in the new file", async () => {
    await ask(program.port(), { path: "/second" });
    return (await program.accessLog()).some((each) => each.includes("/second")) || undefined;
  });
});

test("who may not debug is told nothing, also when Hipache would", options, async () => {
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "a.test": { respond: { body: "a" } } },
      compat: { hipache: true },
      debug: { allow: ["127.0.0.9/32"] },
    },
  });
  const headersFor = async (from: string) => {
    const headers = { "X-Debug": "true" };
    const answer = await ask(program.port(), { name: "nobody.test", from, headers });
    assert.equal(answer.status, 400);
    return field(answer, "x-debug-error");
  };
  assert.equal(await headersFor("127.0.0.8"), "");
  assert.equal(await headersFor("127.0.0.9"), "frontend not found");
});

// --- the command line ----------------------------------------------------------------------------------

function tidegate(args: readonly string[], place: CommandOptions = {}): Promise<Ended> {
  return runCommand(launcher, args, { timeoutMs: 20_000, ...place });
}

test("--dry prints what a configuration comes to, with secrets censored", options, async () => {
  await using folder = await tempFolder();
  const file = folder.file("config.json");
  const driver = ["redis://:sesame@10.0.0.1:6379/1#p:", "redis://:sesame@10.0.0.2"];
  await writeFile(file, JSON.stringify({ driver, server: { workers: 3, lruCache: { Size: 1 } } }));
  const dry = await tidegate(["hipache", "--dry", "-c", file]);
  assert.equal(dry.code, 0);
  assert.equal(dry.stderr, "");
  assert.doesNotMatch(dry.stdout, /sesame/);
  assert.match(dry.stdout, /redis:\/\/CENSORED@10\.0\.0\.1:6379\/1#p:/);
  assert.match(dry.stdout, /web: :80\n/);
  assert.match(dry.stdout, /workers: 3/);
  const imported = await tidegate(["import", "hipache", file]);
  assert.equal(imported.code, 0);
  assert.match(imported.stdout, /:sesame@/);
  assert.match(imported.stderr, /keep it from others/);
  await writeFile(file, `{"driver": "redis://:sesame@h" x}`);
  for (const words of [
    ["hipache", "--dry", "-c"],
    ["hipache", "-c"],
    ["import", "hipache"],
  ]) {
    const broken = await tidegate([...words, file]);
    assert.equal(broken.code, 1, words.join(" "));
    assert.match(broken.stderr, /is not valid JSON/);
    assert.doesNotMatch(broken.stderr + broken.stdout, /sesame/);
  }
});

test(
  "without --config the file is looked for where Hipache has it, by SETTINGS_FLAVOR",
  options,
  async () => {
    await using folder = await tempFolder();
    const { path: cwd } = folder;
    const missing = await tidegate(["hipache", "-d"], { cwd, env: { SETTINGS_FLAVOR: "x" } });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no config\/config_x\.json; say where/);
    await mkdir(folder.file("config"));
    const user = userInfo().username;
    await writeFile(folder.file("config/config.json"), JSON.stringify({ user, http: { port: 1 } }));
    await writeFile(
      folder.file("config/config_x.json"),
      JSON.stringify({ user, http: { port: 2 } }),
    );
    const usual = await tidegate(["hipache", "-d"], { cwd, env: { SETTINGS_FLAVOR: "" } });
    assert.match(usual.stdout, /web: 127\.0\.0\.1:1\n/);
    const flavored = await tidegate(["hipache", "-d"], { cwd, env: { SETTINGS_FLAVOR: "x" } });
    assert.match(flavored.stdout, /web: 127\.0\.0\.1:2\n/);
  },
);
