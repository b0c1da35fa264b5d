// Backends that misbehave in every way a backend can: each ends with a documented status, in bounded time,
// and leaves nothing in flight. So these tests fail
// - when somebody waits for a backend that says nothing, or says it for ever;
// - when garbage of a backend reaches a client;
// - when a backend that comes and goes costs requests although another one is there;
// - when a lease, a place in a queue or a connection is not given back.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { type Origin, origin, type OriginConnection } from "../harness/origin.ts";
import {
  asJson,
  begin,
  countsOf,
  originOf,
  origins,
  type Stand,
  startStand,
  statusesOf,
} from "../harness/service-stand.ts";
import { startLoad } from "../program/load.ts";

const bounded = { timeout: 40_000 };
const timeouts = { connect: "500ms", response: "500ms", responseBody: "500ms" };

/** With each request: reads it, then does this. */
function scripted(how: (connection: OriginConnection) => Promise<unknown> | void): Promise<Origin> {
  return origin({
    onConnection: (connection) => {
      let seen = 0;
      connection.onData = () => {
        const heads = connection.received.split("\r\n\r\n").length - 1;
        for (; seen < heads; seen += 1) void how(connection);
      };
    },
  });
}

/** Sends byte by byte, until all is sent or the proxy has gone. */
async function dribble(connection: OriginConnection, bytes: string, ms: number): Promise<void> {
  for (const byte of bytes) {
    if (connection.ended || !(await connection.send(byte))) return;
    await pause(ms); // the pace is what is tested
  }
}

interface Outcome {
  readonly status: number;
  readonly failure: RegExp;
  readonly ms: number;
}

async function outcomeOf(stand: Stand): Promise<Outcome> {
  const begun = performance.now();
  const { status, body } = await stand.ask(asJson);
  return { status, failure: new RegExp(body), ms: performance.now() - begun };
}

interface Fault {
  readonly what: string;
  readonly how: (connection: OriginConnection) => Promise<unknown> | void;
  readonly status: number;
  readonly failure: string;
  /** Within so many ms. */
  readonly ms: number;
}

const soon = 400;
const patience = 1800;
const faults: readonly Fault[] = [
  { what: "accepts and never answers", how: () => {}, status: 504, failure: "RESPONSE_TIMEOUT", ms: patience },
  {
    what: "answers its head byte by byte for ever",
    how: (connection) => dribble(connection, `HTTP/1.1 200 OK\r\nX: ${"x".repeat(1000)}`, 50),
    status: 504,
    failure: "RESPONSE_TIMEOUT",
    ms: patience,
  },
  {
    what: "sends interim answers for ever",
    how: async (connection) => {
      while (!connection.ended && (await connection.send("HTTP/1.1 102 Processing\r\n\r\n"))) {
        await pause(50); // the pace is what is tested
      }
    },
    status: 504,
    failure: "RESPONSE_TIMEOUT",
    ms: patience,
  },
  ...[
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "\0\x01\x02\x03\r\n\r\n",
    "HTTP/1.1 abc OK\r\n\r\n",
    "HTTP/3.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: \0\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
  ].map((bytes): Fault => ({
    what: `answers ${JSON.stringify(bytes)}`,
    how: (connection) => connection.send(bytes),
    status: 502,
    failure: "BAD_RESPONSE",
    ms: soon,
  })),
  {
    what: "answers half a head and ends",
    how: (connection) => connection.send("HTTP/1.1 200 OK\r\nConte").then(() => connection.end()),
    status: 502,
    failure: "BAD_RESPONSE",
    ms: soon,
  },
  {
    what: "answers half a head and resets",
    how: (connection) => connection.send("HTTP/1.1 200 OK\r\nConte").then(() => connection.reset()),
    status: 502,
    failure: "(BAD_RESPONSE|UPSTREAM_CLOSED)",
    ms: soon,
  },
  { what: "ends without an answer", how: (connection) => connection.end(), status: 502, failure: "UPSTREAM_CLOSED", ms: soon },
  { what: "resets without an answer", how: (connection) => connection.reset(), status: 502, failure: "UPSTREAM_CLOSED", ms: soon },
  {
    what: "answers with an endless head",
    how: (connection) => connection.send(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(200_000)}`),
    status: 502,
    failure: "RESPONSE_HEAD_TOO_LARGE",
    ms: soon,
  },
];

for (const { what, how, status, failure, ms } of faults) {
  test(`a backend that ${what} is ${status} ${failure}`, bounded, async () => {
    await using backend = await scripted(how);
    await using stand = await startStand({ service: { backends: [backend.url], timeouts } });
    // Twice: the second time it may be known as bad, and is tried all the same.
    for (let times = 0; times < 2; times += 1) {
      const begun = performance.now();
      const response = await stand.ask(asJson);
      const took = performance.now() - begun;
      assert.equal(response.status, status, response.body);
      assert.match(response.body, new RegExp(failure));
      assert.ok(took < ms, `${took} ms`);
    }
    await stand.assertQuiet();
    await eventually("its connections to be closed", () =>
      backend.connections.every(({ ended }) => ended) ? true : undefined,
    );
  });
}

test("a backend whose queue is full is 504 CONNECT_TIMEOUT", bounded, async () => {
  // A socket that listens, with its one place taken: the kernel then answers nothing to further ones.
  await using stack = new AsyncDisposableStack();
  const server = createServer({ pauseOnConnect: true });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1 });
  await once(server, "listening");
  stack.defer(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const child = await frozenListener(stack);
  assert.notEqual(child, port);
  await using stand = await startStand({
    service: { backends: [`http://127.0.0.1:${child}`], timeouts, retry: { attempts: 0 } },
  });
  const begun = performance.now();
  const response = await stand.ask(asJson);
  assert.deepEqual([response.status, /CONNECT_TIMEOUT/.test(response.body)], [504, true], response.body);
  assert.ok(performance.now() - begun < patience);
  await stand.assertQuiet();
});
