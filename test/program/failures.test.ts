// Backends and clients that fail, at each phase: what the other side sees, what is repeated and what never
// is, and the name of the failure in the log.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, requestText } from "../harness/ask.ts";
import { within } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { logAtEnd, loggedAtEnd } from "../harness/logged.ts";
import { type Origin, origin, type OriginConnection } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function start(service: unknown, more: Record<string, unknown> = {}): Promise<Tidegate> {
  const routes = { "app.test": { service } };
  return startTidegate({ config: { listeners, routes, ...more } });
}

test("a backend that refuses is 502", async () => {
  await using program = await start(`http://127.0.0.1:${await freePort()}`);
  assert.equal((await ask(program.port(), { path: "/r" })).status, 502);
  const line = await loggedAtEnd(program, "/r");
  assert.deepEqual([line["status"], line["failure"]], [502, "CONNECT_REFUSED"]);
});

test("when a backend refuses the next one is asked, also for a POST with a body", async () => {
  await using echo = await echoOrigin("alive");
  const backends = [`http://127.0.0.1:${await freePort()}`, echo.url];
  await using program = await start({ backends });
  for (let n = 0; n < 4; n += 1) {
    const seen = echoOf(await ask(program.port(), { method: "POST", body: "x".repeat(5000) }));
    assert.deepEqual([seen.origin, seen.body.length], ["alive", 5000]);
  }
  assert.equal(echo.requests.length, 4);
  const attempts = (await logAtEnd(program)).map((entry) => entry["attempts"]);
  assert.ok(attempts.includes(2), attempts.join());
});

test("a body larger than the replay limit still reaches the next backend whole", async () => {
  await using echo = await echoOrigin("alive");
  const backends = [`http://127.0.0.1:${await freePort()}`, echo.url];
  await using program = await start({ backends, retry: { replayBody: 1000 } });
  const body = "y".repeat(400_000);
  for (let n = 0; n < 2; n += 1) {
    const seen = echoOf(await ask(program.port(), { method: "POST", body }));
    assert.equal(seen.body.length, body.length);
  }
});

test("a name that does not exist is 502", async () => {
  await using program = await start("http://no-such-host.invalid:80");
  assert.equal((await ask(program.port(), { path: "/n", timeoutMs: 10_000 })).status, 502);
  assert.equal((await loggedAtEnd(program, "/n"))["failure"], "NAME_NOT_FOUND");
});

for (const [what, bytes, failure] of [
  ["no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "BAD_RESPONSE"],
  ["a TLS alert", "\x15\x03\x01\x00\x02\x02\x46", "BAD_RESPONSE"],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "BAD_RESPONSE",
  ],
  ["half a head", "HTTP/1.1 200 OK\r\nConte", "BAD_RESPONSE"],
  ["nothing", "", "UPSTREAM_CLOSED"],
] as const) {
  test(`an answer that is ${what} is 502, asked for once`, async () => {
    await using backend = await origin();
    await using program = await start(backend.url);
    await using client = await connect(program.port());
    await client.send(requestText({ path: "/g" }));
    const connection = await backend.accept();
    await connection.readRequest();
    await connection.send(bytes);
    connection.end();
    assert.equal((await client.readResponse()).status, 502);
    assert.equal(backend.connections.length, 1);
    const line = await loggedAtEnd(program, "/g");
    assert.deepEqual([line["status"], line["failure"]], [502, failure]);
  });
}

for (const [what, head] of [
  ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"],
] as const) {
  test(`an answer ${what} that is cut off reaches the client cut off`, async () => {
    await using backend = await origin();
    await using program = await start(backend.url);
    await using client = await connect(program.port());
    await client.send(requestText({ path: "/cut" }));
    const connection = await backend.accept();
    await connection.readRequest();
    await connection.send(head);
    connection.reset();
    await assert.rejects(client.readResponse(), /ended before a whole response/);
    const line = await loggedAtEnd(program, "/cut");
    assert.deepEqual([line["status"], line["failure"]], [200, "UPSTREAM_TRUNCATED"]);
  });
}

/** A client and the idle connection to the backend that its first request left behind. */
async function idleConnection(
  program: Tidegate,
  backend: Origin,
): Promise<[Client, OriginConnection]> {
  const client = await connect(program.port());
  await client.send(requestText({ path: "/warm-up" }));
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(ok);
  await client.readResponse();
  return [client, connection];
}

for (const { method, body, service = {}, isRepeated } of [
  { method: "GET", isRepeated: true },
  { method: "HEAD", isRepeated: true },
  { method: "DELETE", isRepeated: true },
  { method: "PUT", body: "small", isRepeated: true },
  {
    method: "PUT",
    body: "x".repeat(2000),
    service: { retry: { replayBody: 1000 } },
    isRepeated: false,
  },
  { method: "POST", body: "small", isRepeated: false },
  { method: "POST", isRepeated: false },
  { method: "PATCH", body: "small", isRepeated: false },
  { method: "POST", body: "small", service: { retry: { nonIdempotent: true } }, isRepeated: true },
  { method: "GET", service: { retry: { attempts: 0 } }, isRepeated: false },
]) {
  const what = `${method}${body === undefined ? "" : ` with ${body.length} bytes`}`;
  const how = JSON.stringify(service);
  test(`on a connection that dies unanswered, ${what} (${how}) is ${isRepeated ? "" : "not "}repeated`, async () => {
    await using backend = await origin();
    await using program = await start({ backends: [backend.url], ...service });
    const [client, stale] = await idleConnection(program, backend);
    await using _client = client;
    const request = { method, path: "/stale", ...(body === undefined ? {} : { body }) };
    await client.send(requestText(request));
    await stale.expect(/\/stale HTTP\/1\.1\r\n/);
    stale.reset();
    if (isRepeated) {
      const fresh = await backend.accept();
      const again = await fresh.readRequest();
      assert.equal(again.startLine, `${method} /stale HTTP/1.1`);
      assert.equal(again.body, body ?? "");
      await fresh.send(method === "HEAD" ? ok.slice(0, -2) : ok);
    }
    const response = await client.readResponse({ method });
    assert.equal(response.status, isRepeated ? 200 : 502);
    assert.equal(backend.connections.length, isRepeated ? 2 : 1);
    const line = await loggedAtEnd(program, "/stale");
    assert.equal(line["attempts"], isRepeated ? 2 : 1);
    assert.equal(line["failure"], isRepeated ? null : "UPSTREAM_CLOSED");
  });
}

test("a connection that the backend closed while it was idle is not used", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  const [client, stale] = await idleConnection(program, backend);
  await using _client = client;
  stale.end();
  await stale.waitClose();
  await client.send(requestText({ method: "POST", path: "/next", body: "once" }));
  const fresh = await backend.accept();
  assert.equal((await fresh.readRequest()).body, "once");
  await fresh.send(ok);
  assert.equal((await client.readResponse()).status, 200);
});

test("nothing is repeated once a byte of the answer came", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  const [client, stale] = await idleConnection(program, backend);
  await using _client = client;
  await client.send(requestText({ path: "/begun" }));
  await stale.readRequest();
  await stale.send("HTTP/1.1 2");
  stale.reset();
  assert.equal((await client.readResponse()).status, 502);
  assert.equal(backend.connections.length, 1);
});

interface Abort {
  readonly phase: string;
  readonly request: string;
  /** What the backend does before the client goes away. */
  readonly answer?: string;
  readonly expect: RegExp;
  readonly status: number;
}

const head = "Host: app.test\r\n";
const aborts: readonly Abort[] = [
  {
    phase: "in the middle of its body",
    request: `POST /a HTTP/1.1\r\n${head}Content-Length: 10\r\n\r\n123`,
    expect: /123$/,
    status: 499,
  },
  {
    phase: "in the middle of a chunked body",
    request: `POST /a HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n`,
    expect: /123\r\n$/,
    status: 499,
  },
  {
    phase: "while it waits for the answer",
    request: `GET /a HTTP/1.1\r\n${head}\r\n`,
    expect: /\r\n\r\n$/,
    status: 499,
  },
  {
    phase: "in the middle of the answer",
    request: `GET /a HTTP/1.1\r\n${head}\r\n`,
    answer: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123",
    expect: /\r\n\r\n$/,
    status: 200,
  },
  {
    phase: "in a tunnel",
    request: `GET /a HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`,
    answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    expect: /\r\n\r\n$/,
    status: 101,
  },
];

for (const abort of aborts) {
  test(`a client that resets ${abort.phase} ends the backend's connection`, async () => {
    await using backend = await origin();
    await using program = await start(backend.url);
    await using client = await connect(program.port());
    await client.send(abort.request);
    const connection = await backend.accept();
    await connection.expect(abort.expect);
    if (abort.answer !== undefined) {
      await connection.send(abort.answer);
      await client.waitHeadOrClose();
    }
    client.reset();
    await connection.waitClose();
    const line = await loggedAtEnd(program, "/a");
    assert.equal(line["status"], abort.status);
    if (abort.status !== 101) assert.equal(line["failure"], "CLIENT_CLOSED");
  });
}

test("a client that goes away while its exchange waits for a connection frees its place", async () => {
  await using backend = await origin();
  await using program = await start({
    backends: [backend.url],
    pool: { maxConnections: 1, maxWaiting: 1 },
  });
  // Who resets before it is accepted is nobody: this one has been served before.
  const waiting = await connect(program.port());
  await waiting.send(requestText({ path: "/before" }));
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(ok);
  assert.equal((await waiting.readResponse()).status, 200);
  await using first = await connect(program.port());
  await first.send(requestText({ path: "/first" }));
  await connection.readRequest();
  await waiting.send(requestText({ path: "/gone" }));
  waiting.reset();
  await waiting.closed;
  await program.waitForLog(/CLIENT_CLOSED/);
  await using next = await connect(program.port());
  await next.send(requestText({ path: "/next" }));
  await connection.send(ok);
  assert.equal((await first.readResponse()).status, 200);
  assert.match((await connection.readRequest()).startLine, /\/next/);
  await connection.send(ok);
  assert.equal((await next.readResponse()).status, 200);
});

test("a backend that goes away in a tunnel ends the client's connection", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  await using client = await connect(program.port());
  await client.send(`GET /t HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`);
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nlast words",
  );
  connection.end();
  assert.equal((await client.readResponse()).status, 101);
  assert.equal(await client.readToEnd(), "last words");
});

test("a backend that answers early and closes has its answer delivered", async () => {
  await using backend = await origin();
  await using program = await start(backend.url);
  await using client = await connect(program.port());
  await client.send(
    `POST /early HTTP/1.1\r\n${head}Content-Length: 1000000\r\n\r\n${"x".repeat(1000)}`,
  );
  const connection = await backend.accept();
  await connection.expect(/x{1000}/);
  await connection.send(
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 4\r\n\r\nstop",
  );
  connection.end();
  const response = await within(client.readResponse(), 3000, "the early answer");
  assert.deepEqual([response.status, response.body], [403, "stop"]);
  await client.waitClose();
});
