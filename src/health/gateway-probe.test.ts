import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, record, startFastcgiServer, Type } from "../../test/harness/fastcgi-server.ts";
import { httpProbe, sampleTarget } from "../../test/harness/health-sample.ts";
import { needs } from "../../test/harness/needs.ts";
import { phpFpmNeeds, startPhpFpm } from "../../test/harness/php-fpm.ts";
import type { GatewaySettings } from "../config/gateway.ts";
import type { ProbeSettings } from "../config/service.ts";
import type { Address } from "../config/snapshot.ts";
import { probe } from "./probe.ts";

const bounded = { timeout: 30_000 };

const php: GatewaySettings = {
  root: "/srv",
  index: "index.php",
  extensions: [".php"],
  script: undefined,
  params: {},
  streamsUnknownLength: false,
  multiplex: false,
  sendFiles: undefined,
};

type Http = Extract<ProbeSettings, { kind: "http" }>;

async function check(address: Address, gateway: GatewaySettings, settings: Partial<Http>) {
  const target = sampleTarget("http://shop.test", { ...httpProbe, ...settings }, { timeout: 1000 });
  const backend = { ...target.backend, speaks: "fastcgi" as const, address };
  const signal = new AbortController().signal;
  const verdict = await probe({ ...target, backend, gateway }, signal);
  return `${verdict.isGood ? "good" : "bad"}: ${verdict.text.replace(/ in \d+ ms$/, "")}`;
}

test(
  "PHP's manager and its scripts are asked",
  { ...bounded, skip: needs(...phpFpmNeeds) },
  async () => {
    await using fpm = await startPhpFpm({
      scripts: {
        "index.php": `<?php echo "all is well ", $_SERVER["HTTP_HOST"], " ", $_SERVER["HTTP_X_KEY"] ?? "", $_SERVER["STAGE"] ?? "";`,
        "broken.php": "<?php http_response_code(500);",
      },
      settings: ["ping.path = /ping"],
    });
    const gateway = { ...php, root: fpm.root };
    const at: Address = { kind: "unix", path: fpm.socket };
    assert.equal(await check(at, gateway, { path: "/ping", body: "pong" }), "good: 200");
    assert.equal(await check(at, gateway, { path: "/", body: "well shop.test" }), "good: 200");
    const headers = { "X-Key": "secret" };
    assert.equal(await check(at, gateway, { path: "/", headers, body: "secret" }), "good: 200");
    const staged = { ...gateway, params: { STAGE: "live" } };
    assert.equal(await check(at, staged, { path: "/index.php", body: "live" }), "good: 200");
    assert.equal(
      await check(at, gateway, { path: "/", body: "ill" }),
      'bad: answered 200 without "ill" in its body',
    );
    assert.equal(await check(at, gateway, { path: "/broken.php" }), "bad: answered 500");
    assert.equal(await check(at, gateway, { path: "/gone.php" }), "bad: answered 404");
  },
);

test("a program that does not answer as it should is bad", bounded, async () => {
  let said: Buffer = Buffer.alloc(0);
  await using server = await startFastcgiServer((socket) => socket.write(said));
  const ask = (body?: string) => check(server.address, php, { path: "/", body });
  said = answer("Content-Type: text/plain\r\n\r\nfine");
  assert.equal(await ask("fine"), "good: 200");
  said = answer(`Content-Type: text/plain\r\n\r\n${"x".repeat(60_000)}`);
  said = Buffer.concat([said.subarray(0, -24), record(Type.STDOUT, `${"x".repeat(6000)}fine`)]);
  assert.equal(
    await ask("fine"),
    'bad: answered 200 without "fine" in the first 64 KiB of its body',
  );
  said = record(42);
  assert.match(await ask(), /^bad: did not answer as it should: a record has the type 42$/);
  said = Buffer.alloc(0);
  assert.equal(await ask(), "bad: no answer within 1s");
});
