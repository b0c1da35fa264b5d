// The archive for whoever helps: what is in it, and that no secret is, wherever one may stand.

import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const hash = "$2y$05$yPPNm13B4pL4jAiTMnbkUuQN1JJtBcvrCe9KhwaiHASnFd2rkMACm";

/** Each secret has this word in it, however it is written. */
const config = (origin: string) => ({
  listeners: { web: "127.0.0.1:0" },
  admin: false,
  alerts: {
    email: {
      ...{ server: "smtp+plain://me:geheim-smtp@127.0.0.1:1", from: "a@example.com" },
      to: "b@example.com",
    },
    webhook: {
      ...{ url: "http://127.0.0.1:1/hook?token=geheim-url", secret: "geheim-webhook" },
      headers: { "X-Other": "geheim-field" },
    },
    ntfy: { url: "http://127.0.0.1:1/topic", token: "geheim-ntfy" },
  },
  providers: {
    redis: { url: "redis://:geheim-redis@127.0.0.1:1" },
    http: {
      url: "http://127.0.0.1:1/routes?token=geheim-source",
      headers: { Authorization: "Bearer geheim-sent" },
    },
  },
  services: {
    shop: {
      backends: [origin],
      check: { http: "/health?token=geheim-check", headers: { "X-Token": "geheim-checked" } },
    },
    php: {
      fastcgi: { backends: "127.0.0.1:1", root: "/srv", params: { DB_PASSWORD: "geheim-param" } },
    },
  },
  routes: {
    "a.test": { service: "shop", middlewares: [{ basicAuth: { users: `ann:${hash}` } }] },
    "b.test": {
      service: "shop",
      middlewares: [
        {
          headers: {
            request: { set: { Authorization: "Bearer geheim-header", "X-Api-Key": "geheim-key" } },
          },
        },
      ],
    },
    "c.test": { service: "http://127.0.0.1:1" },
    "d.test": { redirect: "https://x.test/?token=geheim-redirect#access_token=geheim" },
    "e.test": {
      service: "shop",
      middlewares: [{ jwt: { secret: "geheim-jwt-0123456789-0123456789-0123", audience: "any" } }],
    },
  },
});

test("the archive tells what runs, and has no secret in it", async () => {
  await using origin = await httpOrigin((_request, response) => response.end("ok"));
  await using program = await startTidegate({
    config: config(origin.url),
    workers: 2,
    env: { SOME_TOKEN: "geheim-environment" },
  });
  for (const name of ["a.test", "b.test", "c.test"]) {
    await ask(program.port(), {
      ...{ name, path: "/x?token=geheim-asked&password=geheim-password" },
      headers: { Cookie: "sid=geheim-cookie", Authorization: "Basic Z2VoZWltOmdlaGVpbQ==" },
    });
  }
  await ask(program.port(), { name: "me:geheim-host@a.test", path: "/;jsessionid=geheim-path" });
  const file = join(program.folder, "support.tar.gz");
  const args = ["support", "--output", file, "--control", program.control];
  const { code, stdout, stderr } = await runCommand(tidegate, args, { timeoutMs: 30_000 });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /support\.tar\.gz \([\d.]+ KiB\); look through it/);
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  const again = await runCommand(tidegate, args, { timeoutMs: 30_000 });
  assert.equal(again.code, 1);
  assert.match(again.stderr, /the archive cannot be written: EEXIST/);

  // As whoever helps takes it out.
  const listed = await runCommand("tar", ["-tzf", file]);
  const names = listed.stdout.trim().split("\n");
  for (const each of ["status.json", "services.json", "configuration.yaml", "log.ndjson"]) {
    assert.ok(
      names.some((name) => /^tidegate-support-[\d-]+\//.test(name) && name.endsWith(`/${each}`)),
      `${each} of ${names.join()}`,
    );
  }
  const folder = program.folder;
  assert.equal((await runCommand("tar", ["-xzf", file, "-C", folder])).code, 0);
  const texts = new Map<string, string>();
  for (const name of names) {
    texts.set(name.split("/")[1] ?? "", await readFile(join(folder, name), "utf8"));
  }
  for (const [name, text] of texts) {
    assert.doesNotMatch(text, /geheim|yPPNm13B4pL4jAiTMnbkUu|Z2VoZWlt/, name);
  }
  const status = JSON.parse(texts.get("status.json") ?? "") as { state: string };
  assert.equal(status.state, "serving");
  assert.match(texts.get("configuration.yaml") ?? "", /a\.test/);
  assert.match(texts.get("requests.ndjson") ?? "", /CONNECT_REFUSED/);
  assert.match(texts.get("system.json") ?? "", /Max open files/);
});
