// Backends that misbehave in every way a backend can: each ends with a documented status, in bounded time,
// and leaves nothing in flight. So these tests fail
// - when somebody waits for a backend that says nothing, or says it for ever;
// - when garbage of a backend reaches a client;
// - when a backend that comes and goes costs requests although another one is there;
// - when a lease, a place in a queue or a connection is not given back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { startBlackHole } from "../harness/black-hole.ts";
import { connect, type Response } from "../harness/client.ts";
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

/** The answer after all interim ones. */
async function finalAnswer(stand: Stand): Promise<Response> {
  await using client = await begin(stand.port, asJson);
  for (;;) {
    const response = await client.readResponse();
    if (response.status >= 200) return response;
  }
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
  {
    what: "accepts and never answers",
    how: () => {},
    status: 504,
    failure: "RESPONSE_TIMEOUT",
    ms: patience,
  },
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
  {
    what: "ends without an answer",
    how: (connection) => connection.end(),
    status: 502,
    failure: "UPSTREAM_CLOSED",
    ms: soon,
  },
  {
    what: "resets without an answer",
    how: (connection) => connection.reset(),
    status: 502,
    failure: "UPSTREAM_CLOSED",
    ms: soon,
  },
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
      const response = await finalAnswer(stand);
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

for (const [what, url, status, failure] of [
  ["whose name does not exist", "http://no-such-host.invalid:80", 502, "NAME_NOT_FOUND"],
  ["at a socket file that is not there", "unix:/nowhere/at/all.sock", 502, "CONNECT_REFUSED"],
] as const) {
  test(
    `a backend ${what} is ${status} ${failure}, and costs nothing beside another one`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [b] = await origins(stack, "b");
      await using stand = await startStand({ service: { backends: [url], timeouts } });
      const response = await stand.ask({ ...asJson, timeoutMs: 10_000 });
      assert.equal(response.status, status);
      assert.match(response.body, new RegExp(failure));
      await stand.reload({ backends: [url, b.url], timeouts });
      assert.deepEqual(statusesOf(await stand.askApart(6, { method: "POST", body: "x" })), [200]);
      await stand.assertQuiet();
    },
  );
}

test(
  "a backend whose queue is full is 504 CONNECT_TIMEOUT; a POST goes to another",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    await using hole = await startBlackHole();
    const [b] = await origins(stack, "b");
    const retry = { attempts: 1 };
    await using stand = await startStand({ service: { backends: [hole.url], timeouts, retry } });
    const begun = performance.now();
    const response = await stand.ask(asJson);
    assert.equal(response.status, 504);
    assert.match(response.body, /CONNECT_TIMEOUT/);
    const ms = performance.now() - begun;
    assert.ok(ms > 450 && ms < 2 * patience, `${ms} ms`);
    await stand.reload({ backends: [hole.url, b.url], timeouts, retry });
    const responses = await stand.askApart(6, { method: "POST", body: "x" });
    assert.deepEqual(countsOf(responses.map(originOf)), { b: 6 });
    assert.equal(b.requests.length, 6);
    await stand.assertQuiet();
  },
);

for (const [what, head, how] of [
  ["ends in the middle of a body", "Content-Length: 100", (each: OriginConnection) => each.end()],
  [
    "resets in the middle of a body",
    "Content-Length: 100",
    (each: OriginConnection) => each.reset(),
  ],
  [
    "ends in the middle of a chunk",
    "Transfer-Encoding: chunked",
    (each: OriginConnection) => each.end(),
  ],
  ["stops in the middle of a body", "Content-Length: 100", () => {}],
  [
    "sends a bad chunk",
    "Transfer-Encoding: chunked",
    (each: OriginConnection) => void each.send("zz\r\nnot a chunk\r\n"),
  ],
] as const) {
  test(`an answer of a backend that ${what} reaches the client cut off`, bounded, async () => {
    await using backend = await scripted((connection) =>
      connection
        .send(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nabcde\r\n`)
        .then(() => how(connection)),
    );
    await using stand = await startStand({ service: { backends: [backend.url], timeouts } });
    for (let times = 0; times < 2; times += 1) {
      const begun = performance.now();
      await assert.rejects(stand.ask(), /ended before a whole response/);
      const ms = performance.now() - begun;
      assert.ok(ms < patience, `${ms} ms`);
    }
    await stand.assertQuiet();
  });
}

test("an answer that comes slowly, byte by byte, arrives whole", bounded, async () => {
  const body = "slow but sure. ".repeat(4);
  const chunks = `1e\r\n${body.slice(0, 30)}\r\n1E;x=y\r\n${body.slice(30)}\r\n0\r\n\r\n`;
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  await using backend = await scripted(async (connection) => {
    await dribble(connection, head, 2);
    // Longer in all than any of the timeouts, and never silent for as long.
    await dribble(connection, chunks, 12);
  });
  await using stand = await startStand({ service: { backends: [backend.url], timeouts } });
  const begun = performance.now();
  const response = await stand.ask({ timeoutMs: 20_000 });
  assert.ok(performance.now() - begun > 800);
  assert.deepEqual([response.status, response.body], [200, body]);
  await stand.assertQuiet();
});

test(
  "beside a bad backend a good one serves on: at most a few requests notice",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    await using mute = await scripted(() => {});
    await using babbler = await scripted((connection) => connection.send("SSH-2.0-x\r\n\r\n"));
    await using halver = await scripted((connection) =>
      connection
        .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        .then(() => connection.end()),
    );
    const [good] = await origins(stack, "good");
    const passive = { failures: 2, deadFor: "60s" };
    const backends = [mute.url, babbler.url, halver.url, good.url];
    await using stand = await startStand({ service: { backends, timeouts, passive } });
    let failed = 0;
    await eventually(
      "only the good one to be asked",
      async () => {
        for (let n = 0; n < 10; n += 1) {
          const name = await stand.ask().then(originOf, () => "cut");
          if (name === "good") continue;
          failed += 1;
          return undefined;
        }
        return true;
      },
      20_000,
    );
    assert.ok(failed <= 3 * 2, `${failed} failed until all were known`);
    for (const each of [mute, babbler, halver]) {
      assert.equal((await stand.backend(each)).state, "dead", each.url);
    }
    await stand.assertQuiet();
  },
);

for (const workers of [0, 2]) {
  test(
    `a backend that flaps under load fails no request while another one is there (${workers} workers)`,
    bounded,
    async () => {
      await using stack = new AsyncDisposableStack();
      const [flapping, steady] = await origins(stack, "flapping", "steady");
      const check = { http: "/health", interval: "200ms", timeout: "500ms", rise: 1, fall: 1 };
      const service = {
        backends: [flapping.url, steady.url],
        check,
        passive: { deadFor: "300ms" },
        retry: { budget: "100%" },
      };
      await using stand = await startStand({ service, workers });
      await using load = await startLoad(stand.port, 16);
      for (let times = 0; times < 4; times += 1) {
        await load.lap();
        await pause(500); // the pace is what is tested
        await flapping.kill();
        await load.lap();
        await pause(500);
        await flapping.revive();
      }
      const { answered, failed } = await load.stop();
      assert.deepEqual(failed, []);
      assert.ok(answered > 200, `${answered} answers`);
      assert.ok(flapping.requests.length > 0);
      await stand.untilBackend(flapping, "up");
      await stand.assertQuiet();
    },
  );
}

test("clients that leave while a backend is mute leave nothing behind", bounded, async () => {
  await using mute = await scripted(() => {});
  const service = {
    backends: [mute.url],
    pool: { maxConnections: 4, maxWaiting: 100 },
    timeouts: { response: "60s" },
  };
  await using stand = await startStand({ service, workers: 2 });
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, n) => begin(stand.port, { path: `/${n}` })),
  );
  await stand.until("all to be there", ({ backends: [backend] }) => backend?.inFlight === 20);
  const { waiting } = await stand.backend(mute);
  assert.ok(waiting >= 20 - mute.connections.length, `${waiting} wait`);
  for (const client of clients) client.reset();
  await stand.assertQuiet();
  await eventually("the backend's connections to end", () =>
    mute.connections.every(({ ended }) => ended) ? true : undefined,
  );
});

test("an upload to a backend that dies in the middle of it is answered", bounded, async () => {
  await using backend = await origin();
  await using stand = await startStand({ service: { backends: [backend.url], timeouts } });
  await using client = await connect(stand.port);
  await client.send(requestText({ method: "POST", body: "x".repeat(500_000) }).slice(0, -400_000));
  const connection = await backend.accept();
  await connection.expect(/x{1000}/);
  connection.reset();
  assert.equal((await client.readResponse()).status, 502);
  await stand.assertQuiet();
});

test("connections to a backend are limited over all workers", bounded, async () => {
  await using mute = await scripted(() => {});
  const service = {
    backends: [mute.url],
    pool: { maxConnections: 4 },
    timeouts: { response: "60s" },
  };
  await using stand = await startStand({ service, workers: 2 });
  await using stack = new AsyncDisposableStack();
  for (let n = 0; n < 20; n += 1) stack.use(await begin(stand.port));
  await stand.until("four to be carried, and the others to wait", ({ backends: [backend] }) => {
    const open = mute.connections.length;
    // Shares are rounded up: one more for the second worker.
    const isLimited = open === 4 || open === 5;
    return isLimited && backend?.inFlight === 20 && backend.waiting === 20 - open;
  });
});
