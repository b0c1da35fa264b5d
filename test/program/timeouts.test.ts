// Every timeout, with both ends watched: what the client is told, what the backend sees, what is logged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { within } from "../harness/barrier.ts";
import { startBlackHole } from "../harness/black-hole.ts";
import { connect } from "../harness/client.ts";
import { logAtEnd, loggedAtEnd } from "../harness/logged.ts";
import { origin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const short = "300ms";
const long = "1m";
/** Deadlines may be late by a tick and a busy machine, never early by more than a tick. */
const earliestMs = 240;
const latestMs = 2500;

function start(url: string, timeouts: Record<string, string>): Promise<Tidegate> {
  return startTidegate({ config: { listeners, routes: { "app.test": url }, timeouts } });
}

/** How long it takes; fails when that is not what `short` promises. */
async function timed<T>(action: Promise<T>): Promise<T> {
  const begin = performance.now();
  const value = await action;
  const took = performance.now() - begin;
  assert.ok(took > earliestMs && took < latestMs, `took ${took.toFixed()} ms`);
  return value;
}

test("a head that does not come to its end is answered 408", async () => {
  await using program = await start("http://127.0.0.1:1", { head: short });
  await using client = await connect(program.port());
  await client.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n");
  assert.equal((await timed(client.readResponse())).status, 408);
  await client.waitClose();
  const [line] = await logAtEnd(program);
  assert.deepEqual([line?.["status"], line?.["failure"]], [408, "HEAD_TIMEOUT"]);
});

test("the time for a head counts from its first byte, however slowly more bytes come", async () => {
  await using program = await start("http://127.0.0.1:1", { head: short });
  await using client = await connect(program.port());
  const drip = setInterval(() => void client.send("x"), 60);
  try {
    await client.send("GET /");
    assert.equal((await timed(client.readResponse())).status, 408);
  } finally {
    clearInterval(drip);
  }
});

test("a connection that never sends a byte is closed without an answer", async () => {
  await using program = await start("http://127.0.0.1:1", { head: short });
  await using client = await connect(program.port());
  assert.equal(await timed(client.readToEnd()), "");
});

test("an idle keep-alive connection is closed without a word", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { idle: short });
  await using client = await connect(program.port());
  await client.send("GET /one HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send("HTTP/1.1 204 No Content\r\n\r\n");
  assert.equal((await client.readResponse()).status, 204);
  assert.equal(await timed(client.readToEnd()), "");
  assert.equal((await logAtEnd(program)).length, 1, "no line for what was no request");
});

test("a body that stops arriving is answered 408, and the backend's connection is closed", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { body: short });
  await using client = await connect(program.port());
  await client.send("POST /body HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n123");
  const connection = await backend.accept();
  await connection.expect(/\r\n\r\n123/);
  assert.equal((await timed(client.readResponse())).status, 408);
  await connection.waitClose();
  await client.waitClose();
  const line = await loggedAtEnd(program, "/body");
  assert.deepEqual([line["status"], line["failure"]], [408, "BODY_TIMEOUT"]);
});

test("a body that goes on arriving slowly is not late", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { body: "600ms" });
  await using client = await connect(program.port());
  await client.send("POST /body HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n");
  const connection = await backend.accept();
  const begin = performance.now();
  let sent = 0;
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const drip = setInterval(() => {
    void client.send("x");
    sent += 1;
    if (sent === 10) resolve();
  }, 100);
  await within(complete, 4000, "the body");
  clearInterval(drip);
  assert.equal((await connection.readRequest()).body.length, 10);
  assert.ok(performance.now() - begin > 700, "longer than the timeout in all");
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

test("a backend that does not accept is given up with 504", async () => {
  await using blackHole = await startBlackHole();
  const url = `http://127.0.0.1:${blackHole.port}`;
  await using program = await start(url, { connect: short });
  const response = await timed(ask(program.port(), { path: "/connect" }));
  assert.equal(response.status, 504);
  const line = await loggedAtEnd(program, "/connect");
  assert.deepEqual([line["status"], line["failure"]], [504, "CONNECT_TIMEOUT"]);
});

test("a backend that does not answer is given up with 504, and is not asked again", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { response: short });
  await using client = await connect(program.port());
  await client.send("GET /response HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const connection = await backend.accept();
  await connection.readRequest();
  assert.equal((await timed(client.readResponse())).status, 504);
  await connection.waitClose();
  assert.equal(backend.connections.length, 1);
  await client.send("GET /again HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const second = await backend.accept();
  await second.readRequest();
  await second.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200, "the client's connection goes on");
  const line = await loggedAtEnd(program, "/response");
  assert.deepEqual([line["failure"], line["attempts"]], ["RESPONSE_TIMEOUT", 1]);
});

test("the time for an answer begins when the request is complete", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { response: "500ms" });
  await using client = await connect(program.port());
  await client.send("POST /up HTTP/1.1\r\nHost: app.test\r\nContent-Length: 8\r\n\r\n");
  const connection = await backend.accept();
  const begin = performance.now();
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  const drip = setInterval(() => {
    void client.send("x");
    sent += 1;
    if (sent === 8) resolve();
  }, 100);
  await within(complete, 4000, "the body");
  clearInterval(drip);
  assert.ok(performance.now() - begin > 600);
  await connection.readRequest();
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

test("an answer that stops in the middle is cut, not ended", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { responseBody: short });
  await using client = await connect(program.port());
  await client.send("GET /stall HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  const received = await timed(client.readToEnd());
  assert.match(received, /3\r\nabc\r\n$/, "the end of a chunked body must not be made up");
  await connection.waitClose();
  const line = await loggedAtEnd(program, "/stall");
  assert.equal(line["failure"], "RESPONSE_BODY_TIMEOUT");
});

test("a tunnel that is silent is closed on both sides, one that is not lives on", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { tunnel: "500ms", response: long });
  await using client = await connect(program.port());
  await client.send(
    "GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  assert.equal((await client.readResponse()).status, 101);
  const begin = performance.now();
  for (let turn = 0; performance.now() - begin < 800; turn += 1) {
    await client.send("ping");
    await connection.expect("ping");
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 100);
    await promise;
  }
  await client.waitClose();
  await connection.waitClose();
  const line = await loggedAtEnd(program, "/tunnel");
  assert.deepEqual([line["status"], line["failure"]], [101, "TUNNEL_TIMEOUT"]);
});

test("a client that stops reading is dropped, and its backend's connection with it", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { body: "400ms" });
  await using client = await connect(program.port());
  client.socket.pause();
  await client.send("GET /unread HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const connection = await backend.accept();
  await connection.readRequest();
  const size = 64 * 1024 * 1024;
  void connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
  void connection.send(Buffer.alloc(size));
  await connection.waitClose();
  const line = await loggedAtEnd(program, "/unread");
  assert.equal(line["failure"], "CLIENT_STALLED");
  assert.ok(Number(line["bodyBytes"]) < size);
});

test("a client that reads slowly, but reads, is not dropped", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { body: "500ms" });
  await using client = await connect(program.port());
  await client.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const connection = await backend.accept();
  await connection.readRequest();
  const size = 24 * 1024 * 1024;
  client.socket.pause();
  const drip = setInterval(() => {
    client.socket.resume();
    setImmediate(() => client.socket.pause());
  }, 25);
  const sending = connection.send(
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`),
      Buffer.alloc(size),
    ]),
  );
  const begin = performance.now();
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 1200);
  await enough;
  assert.equal(client.hasEnded, false, `cut after ${(performance.now() - begin).toFixed()} ms`);
  clearInterval(drip);
  client.socket.resume();
  await sending;
  assert.equal((await client.readResponse()).body.length, size);
});
