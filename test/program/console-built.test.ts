// A program whose console was not built: it serves all the same, says how to build it, and has it from then on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { resolve } from "node:path";
import { test } from "node:test";
import { adminConfig, baseOf } from "../harness/admin-program.ts";
import { ask } from "../harness/ask.ts";
import { certificates } from "../harness/certificates.ts";
import { runCommand } from "../harness/command.ts";
import { needs } from "../harness/needs.ts";
import { programCopy } from "../harness/program-copy.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const root = resolve(import.meta.dirname, "../..");

test("without a built console there is a page that says how to have one", async () => {
  await using copy = await programCopy();
  await using program = await startTidegate({ config: adminConfig, program: copy.launcher });
  assert.equal((await ask(program.port(), { name: "file.test" })).status, 200);
  const page = async () => {
    const answer = await fetch(`${baseOf(program)}/`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    return answer.text();
  };
  assert.match(await page(), /npm run console/);
  assert.equal((await fetch(`${baseOf(program)}/assets/index.js`)).status, 404);
  const script = resolve(root, "scripts/console.mjs");
  const { code, stderr } = await runCommand(process.execPath, [script, "--strict"], {
    timeoutMs: 60_000,
  });
  assert.equal(code, 0, stderr);
  const place = resolve(copy.launcher, "../../dist/console");
  await cp(resolve(root, "dist/console"), place, { recursive: true });
  const [, asset = ""] = /src="(\/assets\/[^"]+\.js)"/.exec(await page()) ?? [];
  assert.equal((await fetch(`${baseOf(program)}${asset}`)).status, 200);
});

test("what did not change is not built again", async () => {
  const script = resolve(root, "scripts/console.mjs");
  const words = [script, "--strict"];
  const { code } = await runCommand(process.execPath, words, { timeoutMs: 60_000 });
  assert.equal(code, 0);
  const again = await runCommand(process.execPath, words, { timeoutMs: 60_000 });
  assert.deepEqual([again.code, again.stdout], [0, ""]);
});

test("the guide's example has it at a name of its own", { skip: needs("openssl") }, async () => {
  const page = readFileSync(resolve(root, "docs/guide/console.md"), "utf8");
  const [, example = ""] = /```yaml\n([^`]*)```/.exec(page) ?? [];
  const name = "tidegate.example.com";
  assert.ok(example.includes(name), example);
  await using folder = await tempFolder();
  const { ca, cert, key } = await certificates(name);
  await writeFile(folder.file("admin.pem"), cert);
  await writeFile(folder.file("admin-key.pem"), key, { mode: 0o600 });
  const written = example.replace("0.0.0.0:8443", "127.0.0.1:0");
  await using program = await startTidegate({
    config: `listeners: { web: "127.0.0.1:0" }\nroutes: { "a.test": { whoami: true } }\n${written.replaceAll("/etc/tidegate", folder.path)}`,
  });
  const statusFor = async (host: string) => {
    const headers = { Host: host };
    const where = { host: "127.0.0.1", port: program.port("admin"), servername: name };
    const sent = request({ ...where, path: "/", ca, headers, agent: false }).end();
    const [answer] = await once(sent, "response");
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await statusFor(name), 200);
  assert.equal(await statusFor("elsewhere.example.com"), 421);
});
