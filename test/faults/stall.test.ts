// Peers that stay connected and do nothing: each kind of silence has its timeout, its name and its status,
// and leaves nothing behind. Nobody's silence is held against the other side.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { origin } from "../harness/origin.ts";
import { type Line, type Plane, startPlane, timeouts } from "./plane.ts";

const bounded = { timeout: 30_000 };
const get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const short = "300ms";
const okHead = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";

async function onlyLine(proxy: Plane): Promise<Line> {
  const lines = await proxy.end();
  assert.equal(lines.length, 1, JSON.stringify(lines));
  return lines[0] as Line;
}

test(
  "a client that says nothing is closed without an answer and without a log line",
  bounded,
  async () => {
    await using proxy = await startPlane({ routes: {}, timeouts: { ...timeouts, head: short } });
    const client = await connect(proxy.port);
    const started = performance.now();
    assert.equal(await client.readToEnd(), "");
    assert.ok(performance.now() - started >= 300);
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
    assert.deepEqual(await proxy.end(), []);
  },
);

test(
  "a client that stops in its head is answered 408, however slowly it went on",
  bounded,
  async () => {
    await using proxy = await startPlane({ routes: {}, timeouts: { ...timeouts, head: short } });
    const client = await connect(proxy.port);
    const started = performance.now();
    for (const character of "GET / HTTP/1.1\r\nHost: a.test\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy") {
      if (client.hasEnded || client.pending !== "") break;
      await client.send(character);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    assert.equal((await client.readResponse()).status, 408);
    const took = performance.now() - started;
    assert.ok(took >= 300 && took < 900, `${took} ms`);
    await client.waitClose();
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
    assert.equal((await onlyLine(proxy)).failure, "HEAD_TIMEOUT");
  },
);

test(
  "a client that stops in its body is answered 408, and the backend learns it",
  bounded,
  async () => {
    await using back = await origin();
    const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, body: short } };
    await using proxy = await startPlane(config);
    const client = await connect(proxy.port);
    await client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello");
    const backend = await back.accept();
    await backend.expect(/hello/);
    assert.equal((await client.readResponse()).status, 408);
    await backend.waitClose();
    backend.end();
    await client.waitClose();
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
    assert.equal((await onlyLine(proxy)).failure, "BODY_TIMEOUT");
  },
);

test(
  "a client that takes nothing of its answer is cut, and so is the backend",
  bounded,
  async () => {
    await using back = await origin();
    const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, body: short } };
    await using proxy = await startPlane(config);
    const client = await connect(proxy.port);
    client.socket.pause();
    await client.send(get);
    const backend = await back.accept();
    await backend.readRequest();
    void backend.send(okHead);
    const piece = Buffer.alloc(1024 * 1024);
    for (let count = 0; count < 30; count++) void backend.send(piece);
    await backend.waitClose();
    backend.end();
    client.socket.resume();
    await client.waitClose();
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
    const line = await onlyLine(proxy);
    assert.deepEqual([line.status, line.failure], [200, "CLIENT_STALLED"]);
  },
);

test("a client that reads slowly is not cut", bounded, async () => {
  await using back = await origin();
  const config = {
    routes: { "a.test": back.url },
    timeouts: { ...timeouts, body: "800ms", responseBody: "800ms" },
  };
  await using proxy = await startPlane(config);
  const client = await connect(proxy.port);
  await client.send(get);
  const backend = await back.accept();
  await backend.readRequest();
  // The kernel makes room for a writer in steps of more than a megabyte here; a reader that takes less
  // than that within the timeout cannot be told from one that takes nothing.
  const step = 4 * 1024 * 1024;
  const size = 10 * step;
  await backend.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  void backend.send(Buffer.alloc(size, "x"));
  await client.waitHeadOrClose();
  let got = client.pending.length - client.pending.indexOf("\r\n\r\n") - 4;
  client.socket.removeAllListeners("data").on("data", (bytes: Buffer) => (got += bytes.length));
  // Pauses shorter than the timeout, which together are longer than it.
  for (let wanted = step; wanted <= size; wanted += step) {
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 150));
    client.socket.resume();
    await eventually(`${wanted} bytes`, () => (got >= wanted ? true : undefined));
  }
  assert.equal(got, size);
  await client[Symbol.asyncDispose]();
  backend.end();
  await proxy.assertNothingLeft();
  assert.equal((await onlyLine(proxy)).failure ?? "", "");
});

test("a backend that does not answer is a 504", bounded, async () => {
  await using back = await origin();
  const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, response: short } };
  await using proxy = await startPlane(config);
  const client = await connect(proxy.port);
  await client.send(get);
  const backend = await back.accept();
  await backend.send("HTTP/1.1 200 O");
  assert.equal((await client.readResponse()).status, 504);
  await backend.waitClose();
  backend.end();
  // The client's connection is as good as before.
  await client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
  const next = await back.accept();
  await next.readRequest();
  await next.send("HTTP/1.1 204 No Content\r\n\r\n");
  assert.equal((await client.readResponse()).status, 204);
  await client.waitClose();
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
  assert.deepEqual(
    (await proxy.end()).map(({ failure }) => failure ?? ""),
    ["RESPONSE_TIMEOUT", ""],
  );
});

test("interim answers do not put off the time of the answer for ever", bounded, async () => {
  await using back = await origin();
  const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, response: "600ms" } };
  await using proxy = await startPlane(config);
  const client = await connect(proxy.port);
  await client.send(get);
  const backend = await back.accept();
  await backend.readRequest();
  const started = performance.now();
  while (!backend.ended && performance.now() - started < 3000) {
    await backend.send("HTTP/1.1 102 Processing\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(performance.now() - started < 2000, "it went on and on");
  await client.waitHeadOrClose();
  backend.end();
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});

test("a backend that stops in its answer is noticed by its client", bounded, async () => {
  await using back = await origin();
  const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, responseBody: short } };
  await using proxy = await startPlane(config);
  const client = await connect(proxy.port);
  await client.send(get);
  const backend = await back.accept();
  await backend.readRequest();
  await backend.send(`${okHead}some`);
  await client.waitClose();
  assert.ok(client.pending.endsWith("some"));
  await backend.waitClose();
  backend.end();
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
  const line = await onlyLine(proxy);
  assert.deepEqual([line.status, line.failure], [200, "RESPONSE_BODY_TIMEOUT"]);
});

test(
  "a backend that takes nothing of an upload is a 504, and the upload stops",
  bounded,
  async () => {
    await using back = await origin({ onConnection: ({ socket }) => socket.pause() });
    const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, response: short } };
    await using proxy = await startPlane(config);
    const client = await connect(proxy.port);
    await client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n");
    const piece = Buffer.alloc(1024 * 1024);
    for (let count = 0; count < 30; count++) void client.send(piece);
    assert.equal((await client.readResponse()).status, 504);
    await client[Symbol.asyncDispose]();
    const backend = await back.accept();
    backend.socket.resume();
    await backend.waitClose();
    backend.end();
    await proxy.assertNothingLeft();
    assert.equal((await onlyLine(proxy)).failure, "RESPONSE_TIMEOUT");
  },
);

test(
  "a backend that takes an upload slowly does not cost the client a body timeout",
  bounded,
  async () => {
    await using back = await origin();
    const config = { routes: { "a.test": back.url }, timeouts: { ...timeouts, body: short } };
    await using proxy = await startPlane(config);
    const client = await connect(proxy.port);
    const size = 24 * 1024 * 1024;
    await client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\n\r\n`);
    const backend = await back.accept();
    let got = 0;
    backend.socket.on("data", (bytes: Buffer) => (got += bytes.length));
    backend.socket.pause();
    void client.send(Buffer.alloc(size));
    await new Promise((resolve) => setTimeout(resolve, 900));
    backend.socket.resume();
    await eventually("the whole upload", () => (got > size ? true : undefined));
    await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert.equal((await client.readResponse()).status, 200);
    await client[Symbol.asyncDispose]();
    backend.end();
    await proxy.assertNothingLeft();
  },
);

test(
  "an answer before the end of an upload reaches a client that goes on sending",
  bounded,
  async () => {
    await using back = await origin();
    await using proxy = await startPlane({ routes: { "a.test": back.url } });
    const client = await connect(proxy.port);
    await client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3000000\r\n\r\n");
    void client.send(Buffer.alloc(1_000_000));
    const backend = await back.accept();
    await backend.expect(/Content-Length/);
    await backend.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch");
    void client.send(Buffer.alloc(1_000_000));
    const response = await client.readResponse();
    assert.deepEqual([response.status, response.body], [413, "much"]);
    await backend.waitClose();
    backend.end();
    await client.waitClose();
    assert.equal(client.error, undefined);
    await client[Symbol.asyncDispose]();
    await proxy.assertNothingLeft();
  },
);
