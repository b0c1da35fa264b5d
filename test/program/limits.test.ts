// Limits: what is too much is refused as documented, and what is just not too much is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { ask, field, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect, type Response } from "../harness/client.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { logAtEnd, loggedAtEnd } from "../harness/logged.ts";
import { origin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };

function start(url: string, more: Record<string, unknown>): Promise<Tidegate> {
  return startTidegate({ config: { listeners, routes: { "app.test": url }, ...more } });
}

async function isServed(client: Client): Promise<boolean> {
  await client.send(requestText());
  await client.waitHeadOrClose();
  return client.pending.startsWith("HTTP/1.1 200");
}

test("connections beyond the limit are closed unread; a place that is free again is given", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { connections: 3 } });
  await using stack = new AsyncDisposableStack();
  const open: Client[] = [];
  for (let n = 0; n < 3; n += 1) {
    const client = stack.use(await connect(program.port(), { from: `127.0.0.${n + 10}` }));
    assert.equal(await isServed(client), true);
    open.push(client);
  }
  await using fourth = await connect(program.port(), { from: "127.0.0.20" });
  assert.equal(await isServed(fourth), false);
  await fourth.waitClose();
  assert.equal(fourth.pending, "");
  await open[0]?.[Symbol.asyncDispose]();
  for (let tries = 0; ; tries += 1) {
    await using next = await connect(program.port());
    if (await isServed(next)) break;
    assert.ok(tries < 100, "the place never became free");
  }
});

test("one address cannot take the connections of the others", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { connectionsPerAddress: 2 } });
  await using first = await connect(program.port(), { from: "127.0.0.5" });
  await using second = await connect(program.port(), { from: "127.0.0.5" });
  assert.equal(await isServed(first), true);
  assert.equal(await isServed(second), true);
  await using third = await connect(program.port(), { from: "127.0.0.5" });
  assert.equal(await isServed(third), false);
  await using other = await connect(program.port(), { from: "127.0.0.6" });
  assert.equal(await isServed(other), true);
});

test("heads: the longest allowed is served, one byte more is 431", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { headBytes: 1000, targetBytes: 900 } });
  const headOf = (size: number) => {
    const bare = requestText({ headers: { "X-Fill": "" } }).length;
    return requestText({ headers: { "X-Fill": "x".repeat(size - bare) } });
  };
  await using client = await connect(program.port());
  await client.send(headOf(1000));
  assert.equal((await client.readResponse()).status, 200);
  await client.send(headOf(1010));
  assert.equal((await client.readResponse()).status, 431);
  await client.waitClose();
  const [, line] = await logAtEnd(program);
  assert.deepEqual([line?.["status"], line?.["failure"]], [431, "HEAD_TOO_LARGE"]);
});

test("a head without an end is refused when it is too long, not kept", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { headBytes: 2000, targetBytes: 900 } });
  await using client = await connect(program.port());
  await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n");
  await client.send(`X-A: ${"x".repeat(3000)}`);
  assert.equal((await client.readResponse()).status, 431);
});

test("header count: as many as allowed are served, one more is 431", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { headerCount: 10 } });
  const withFields = (count: number) => {
    const headers: Record<string, string> = {};
    for (let n = 1; n < count; n += 1) headers[`X-${n}`] = "1";
    return ask(program.port(), { headers });
  };
  assert.equal((await withFields(10)).status, 200);
  assert.equal((await withFields(11)).status, 431);
});

test("targets: the longest allowed is served, one byte more is 414", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { targetBytes: 500 } });
  assert.equal((await ask(program.port(), { path: `/${"p".repeat(499)}` })).status, 200);
  const response = await ask(program.port(), { path: `/${"p".repeat(500)}` });
  assert.equal(response.status, 414);
  const [, line] = await logAtEnd(program);
  assert.deepEqual([line?.["status"], line?.["failure"]], [414, "TARGET_TOO_LONG"]);
});

test("a body that says it is too long is refused before the backend hears of it", async () => {
  await using echo = await echoOrigin("a");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { "app.test": { service: echo.url, maxBody: 1000 }, "free.test": echo.url },
    },
  });
  const post = (name: string, size: number) =>
    ask(program.port(), { name, method: "POST", body: "x".repeat(size) });
  assert.equal((await post("app.test", 1000)).status, 200);
  assert.equal((await post("app.test", 1001)).status, 413);
  assert.equal((await post("free.test", 100_000)).status, 200);
  assert.equal(echo.requests.length, 2);
  const [, line] = await logAtEnd(program);
  assert.deepEqual([line?.["status"], line?.["failure"]], [413, "BODY_TOO_LARGE"]);
});

test("a client that waits for 100 Continue is told 413 instead", async () => {
  await using echo = await echoOrigin("a");
  await using program = await start(echo.url, { limits: { maxBody: 1000 } });
  await using client = await connect(program.port());
  await client.send(
    "POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
  );
  assert.equal((await client.readResponse()).status, 413);
  assert.equal(echo.requests.length, 0);
});

test("a chunked body is counted, and what the backend has begun to receive is cut off", async () => {
  await using backend = await origin();
  await using program = await start(backend.url, { limits: { maxBody: 1000 } });
  await using client = await connect(program.port());
  const chunk = `1f4\r\n${"x".repeat(500)}\r\n`;
  await client.send(
    `POST /chunks HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
  );
  const connection = await backend.accept();
  await connection.expect(/x{500}[^x]*x{500}/);
  await client.send("1\r\nx\r\n0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 413);
  await connection.waitClose();
  assert.doesNotMatch(connection.received, /\r\n0\r\n\r\n/, "not ended as if it were complete");
});

test("more requests than connections wait for their turn, the surplus is 503 at once", async () => {
  await using backend = await origin();
  const pool = { maxConnections: 1, maxWaiting: 2, maxWait: "20s" };
  const service = { backends: [backend.url], pool };
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": { service } } },
  });
  await using stack = new AsyncDisposableStack();
  const answers: Promise<Response>[] = [];
  // One goes to the backend, two wait, the fourth finds no place: which one that is, the system decides.
  for (let n = 0; n < 4; n += 1) {
    const client = stack.use(await connect(program.port()));
    await client.send(requestText({ path: `/${n}` }));
    answers.push(client.readResponse());
  }
  const surplus = await Promise.race(answers);
  assert.equal(surplus.status, 503);
  assert.equal(field(surplus, "retry-after") !== "", true);
  const connection = await backend.accept();
  for (let n = 0; n < 3; n += 1) {
    await connection.readRequest();
    assert.equal(connection.pending, "", "one request at a time");
    await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 200, 200, 503],
  );
  assert.equal(backend.connections.length, 1);
  const failures = (await logAtEnd(program)).map((entry) => String(entry["failure"]));
  assert.deepEqual(failures.toSorted(), ["POOL_FULL", "null", "null", "null"]);
});

test("who waits too long for a connection is told 503", async () => {
  await using backend = await origin();
  const pool = { maxConnections: 1, maxWait: "300ms" };
  const service = { backends: [backend.url], pool };
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": { service } } },
  });
  await using client = await connect(program.port());
  await client.send(requestText({ path: "/first" }));
  const connection = await backend.accept();
  await connection.readRequest();
  assert.equal((await ask(program.port(), { path: "/late" })).status, 503);
  await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
  assert.equal(backend.connections.length, 1);
  assert.equal((await loggedAtEnd(program, "/late"))["failure"], "POOL_TIMEOUT");
});

test("maxConnections 0 and maxIdle 0 mean no limit and no idle connection", async () => {
  await using echo = await echoOrigin("a");
  const service = { backends: [echo.url], pool: { maxConnections: 0, maxIdle: 0 } };
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": { service } } },
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(program.port())));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const countOpen = promisify(echo.server.getConnections.bind(echo.server));
  await eventually("no connection to be kept", async () =>
    (await countOpen()) === 0 ? true : undefined,
  );
});
