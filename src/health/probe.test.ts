import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { eventually } from "../../test/harness/barrier.ts";
import { freePort } from "../../test/harness/free-port.ts";
import { httpProbe, rudeServer, sampleTarget } from "../../test/harness/health-sample.ts";
import type { ProbeSettings } from "../config/service.ts";
import { probe, type ProbeTarget } from "./probe.ts";

const kinds: Readonly<Record<string, { probe: ProbeSettings; scheme: string }>> = {
  http: { probe: httpProbe, scheme: "http" },
  "http with a body": { probe: { ...httpProbe, body: "fine" }, scheme: "http" },
  tcp: { probe: { kind: "tcp", send: "PING\r\n", expect: "+PONG" }, scheme: "tcp" },
  grpc: { probe: { kind: "grpc", service: "" }, scheme: "http" },
  mysql: { probe: { kind: "mysql" }, scheme: "tcp" },
  postgres: { probe: { kind: "postgres" }, scheme: "tcp" },
};
const never = new AbortController().signal;
const check = (target: ProbeTarget) => probe(target, never);

/** Writes for as long as somebody reads. */
async function flood(socket: Socket, bytes: Buffer): Promise<void> {
  while (!socket.destroyed) {
    if (socket.write(bytes)) await setImmediate();
    else await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
  }
}

/** Each with the longest time the check may take; far less than its timeout, where it can know. */
const rudeness: Readonly<
  Record<string, { treat(socket: Socket): void; timeout: number; within: number }>
> = {
  silence: { treat: () => {}, timeout: 150, within: 2000 },
  "a reset": { treat: (socket) => socket.resetAndDestroy(), timeout: 8000, within: 4000 },
  "an end at once": { treat: (socket) => socket.end(), timeout: 8000, within: 4000 },
  "an end after a question": {
    treat: (socket) => socket.once("data", () => socket.end()),
    timeout: 500,
    within: 4000,
  },
  "half an answer, and death": {
    treat: (socket) => socket.end(Buffer.from([0x48, 0x54, 0x54, 0x00, 0x0a, 0x2f])),
    timeout: 8000,
    within: 4000,
  },
  "garbage without end": {
    treat: (socket) => void flood(socket, Buffer.alloc(32 * 1024, 0xf7)),
    timeout: 8000,
    within: 4000,
  },
  "a head without end": {
    treat(socket) {
      socket.write("HTTP/1.1 200 OK\r\n");
      void flood(socket, Buffer.from(`X-More: ${"y".repeat(8000)}\r\n`));
    },
    timeout: 8000,
    within: 4000,
  },
  "a status line without end": {
    treat(socket) {
      socket.write("HTTP/1.1 200 ");
      void flood(socket, Buffer.alloc(32 * 1024, "y"));
    },
    timeout: 8000,
    within: 4000,
  },
  "interim answers without end": {
    treat: (socket) => void flood(socket, Buffer.from("HTTP/1.1 103 Early\r\n\r\n".repeat(500))),
    timeout: 8000,
    within: 4000,
  },
  "one byte now and then": {
    treat(socket) {
      const timer = setInterval(() => socket.write("H"), 20);
      socket.on("close", () => clearInterval(timer));
    },
    timeout: 300,
    within: 3000,
  },
};

for (const [name, { probe: settings, scheme }] of Object.entries(kinds)) {
  for (const [fault, { treat, timeout, within }] of Object.entries(rudeness)) {
    test(`${name}: ${fault} is a bad answer, in time, and leaves no connection`, async () => {
      await using server = await rudeServer(treat);
      const begin = performance.now();
      const target = sampleTarget(`${scheme}://127.0.0.1:${server.port}`, settings, { timeout });
      const verdict = await check(target);
      assert.equal(verdict.isGood, false, verdict.text);
      assert.ok(verdict.text.length > 5 && verdict.text.length < 400, verdict.text);
      assert.match(verdict.text, /^[\x20-\x7e…]+$/);
      const took = performance.now() - begin;
      assert.ok(took < within, `took ${took} ms: ${verdict.text}`);
      await eventually("the end of the connection", () => (server.open() === 0 ? true : undefined));
    });
  }

  test(`${name}: nobody who listens, and names of nobody, are bad answers`, async () => {
    const refused = await check(
      sampleTarget(`${scheme}://127.0.0.1:${await freePort()}`, settings),
    );
    assert.deepEqual([refused.isGood, refused.text], [false, "refused the connection"]);
    const unknown = await check(sampleTarget(`${scheme}://nobody.invalid:80`, settings));
    assert.equal(unknown.isGood, false);
    assert.match(unknown.text, /nobody\.invalid does not resolve|name could not be looked up/);
    const absent = sampleTarget("unix:/nonexistent/tidegate.sock", settings);
    assert.deepEqual(
      await check(absent).then(({ text }) => text),
      ["there is no socket /nonexistent/tidegate.sock"].join(),
    );
  });

  test(`${name}: a check that is cancelled ends at once`, async () => {
    await using server = await rudeServer(() => {});
    const ending = new AbortController();
    const target = sampleTarget(`${scheme}://127.0.0.1:${server.port}`, settings, {
      timeout: 60_000,
    });
    const verdict = probe(target, ending.signal);
    await eventually("the connection", () => (server.open() === 1 ? true : undefined));
    ending.abort();
    assert.deepEqual(await verdict.then(({ isGood, text }) => [isGood, text]), [
      false,
      "cancelled",
    ]);
    await eventually("the end of the connection", () => (server.open() === 0 ? true : undefined));
    assert.equal((await probe(target, ending.signal)).text, "cancelled");
    assert.equal(server.visits(), 1);
  });
}
