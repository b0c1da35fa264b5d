import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { defineMiddleware, z } from "../../src/library/middleware.ts";
import { ConfigError, createProxy, type Proxy } from "../../src/library/tidegate.ts";
import { ask, field } from "../harness/ask.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";

const bounded = { timeout: 60_000 };

interface Served extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

async function serve(listener?: RequestListener): Promise<Served> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    server,
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Says what it was sent, and echoes WebSockets. */
async function backend(): Promise<Served> {
  const served = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("X-Path", request.url ?? "");
      response.setHeader("X-For", String(request.headers["x-forwarded-for"]));
      response.end(Buffer.concat(chunks));
    });
  });
  const sockets = new WebSocketServer({ server: served.server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  return served;
}

/** A server of Node's that hands everything to the proxy. */
async function inFrontOf(proxy: Proxy): Promise<Served> {
  const front = await serve((request, response) => void proxy.handle(request, response));
  front.server.on("upgrade", (...asked) => proxy.upgrade(...asked));
  return front;
}

const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith("tidegate-embedded-"));

test("requests that Node's server took are carried as any others", bounded, async () => {
  await using back = await backend();
  const url = `http://127.0.0.1:${back.port}`;
  await using proxy = await createProxy({
    routes: {
      "app.test": { service: url, stripPrefix: "/api", middlewares: ["requestId"] },
      "small.test": { service: url, maxBody: 10 },
    },
  });
  assert.deepEqual(proxy.bound, {});
  await using front = await inFrontOf(proxy);
  const answer = await ask(front.port, {
    path: "/api/x?y",
    headers: { "X-Forwarded-For": "1.2.3.4" },
  });
  assert.equal(answer.status, 200);
  assert.equal(field(answer, "x-path"), "/x?y");
  assert.equal(field(answer, "x-for"), "127.0.0.1");
  assert.match(field(answer, "x-request-id"), /^[0-9a-f-]{36}$/);
  assert.equal((await ask(front.port, { name: "other.test" })).status, 404);

  const body = randomBytes(3_000_000);
  await using client = await connect(front.port);
  await client.send(`POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n`);
  await client.send(body);
  const big = await client.readResponse();
  assert.equal(big.status, 200);
  assert.ok(big.body === body.latin1Slice());
  await client.send(
    "POST /b HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  );
  assert.equal((await client.readResponse()).body, "abc", "and on the same connection");

  assert.equal(
    (await ask(front.port, { name: "small.test", method: "POST", body: "x".repeat(11) })).status,
    413,
  );
});

test("a WebSocket goes through, and its refusal is an answer", bounded, async () => {
  await using back = await backend();
  await using proxy = await createProxy({
    routes: { "127.0.0.1": `http://127.0.0.1:${back.port}` },
  });
  await using front = await inFrontOf(proxy);
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/chat`);
  await once(socket, "open");
  socket.send("hello");
  const [said] = await once(socket, "message");
  assert.equal(String(said), "hello");
  socket.close();
  await once(socket, "close");
  const refused = await ask(front.port, {
    name: "nobody.test",
    headers: { Connection: "Upgrade", Upgrade: "websocket" },
  });
  assert.equal(refused.status, 404);
});

test("a client that leaves is noticed, and a backend that dies is seen", bounded, async () => {
  let isGone = false;
  const ended = Promise.withResolvers<void>();
  await using slow = await serve((request, response) => {
    if (request.url === "/cut") {
      response.write("half");
      setTimeout(() => response.destroy(), 20);
      return;
    }
    response.on("close", () => {
      isGone = true;
      ended.resolve();
    });
    response.write("begun");
  });
  await using proxy = await createProxy({
    routes: { "app.test": `http://127.0.0.1:${slow.port}` },
  });
  await using front = await inFrontOf(proxy);
  {
    await using client = await connect(front.port);
    await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await client.waitHeadOrClose();
  }
  await ended.promise;
  assert.ok(isGone);
  await assert.rejects(
    ask(front.port, { path: "/cut" }),
    "an answer that is not whole is not made whole",
  );
});

test("it listens where it is told, and goes over to another configuration", bounded, async () => {
  await using one = await httpOrigin((_request, response) => response.end("one"));
  await using two = await httpOrigin((_request, response) => response.end("two"));
  const before = left().length;
  await using proxy = await createProxy({ routes: { "app.test": one.url } });
  assert.equal(left().length, before + 1);
  const { port } = await proxy.listen("127.0.0.1:0");
  assert.equal((await ask(port)).body, "one");
  await proxy.apply({ routes: { "app.test": two.url } });
  assert.equal((await ask(port)).body, "two", "at the same address");
  await assert.rejects(
    proxy.apply({ routes: { "app.test": { service: two.url, stripPrefx: true } } } as never),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /stripPrefx.*stripPrefix/s);
      return error.problems.length === 1;
    },
  );
  assert.equal((await ask(port)).body, "two", "what is wrong changes nothing");
  await using taken = await serve();
  await assert.rejects(proxy.listen(`127.0.0.1:${taken.port}`));
  assert.equal((await ask(port)).body, "two");
  await proxy.close();
  await assert.rejects(ask(port));
  assert.equal(left().length, before, "nothing is left behind");
});

test("what is odd is answered, and ends nothing else", bounded, async () => {
  await using back = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://back.test");
    if (pathname === "/none") response.writeHead(204).end();
    else if (pathname === "/same") response.writeHead(304, { ETag: '"a"' }).end();
    else if (pathname === "/trailers") {
      response.writeHead(200, { Trailer: "X-Sum" });
      response.write("body");
      response.addTrailers({ "X-Sum": "4" });
      response.end();
    } else if (pathname === "/large") {
      const piece = randomBytes(65_536);
      let left = 200;
      const write = () => {
        while (left-- > 0) if (!response.write(piece)) return void response.once("drain", write);
        response.end();
      };
      write();
    } else request.pipe(response);
  });
  const lines: string[] = [];
  const note = (text: string, fields?: object) =>
    void lines.push(`${text} ${JSON.stringify(fields)}`);
  const log = { debug: note, info: note, warn: note, error: note };
  await using proxy = await createProxy(
    { routes: { "app.test": `http://127.0.0.1:${back.port}` } },
    { log },
  );
  await using front = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://front.test");
    if (pathname === "/read") {
      request.resume().on("end", () => void proxy.handle(request, response));
    } else if (pathname === "/twice") {
      void proxy.handle(request, response).then(() => proxy.handle(request, response));
    } else if (pathname === "/decoded") {
      request.url = "/a HTTP/1.1\r\nX-Evil: 1\r\nX: ";
      void proxy.handle(request, response);
    } else if (pathname === "/left") {
      response.destroy();
      void proxy.handle(request, response).then(() => lines.push("left"));
    } else void proxy.handle(request, response);
  });
  const { port } = front;
  for (const [path, status] of [
    ...[["/none", 204] as const, ["/same", 304] as const, ["/twice", 200] as const],
    ["/decoded", 400] as const,
  ]) {
    assert.equal((await ask(port, { path })).status, status, path);
  }
  assert.equal((await ask(port, { path: "/none", method: "HEAD" })).status, 204);
  assert.equal((await ask(port, { path: "/large", method: "HEAD" })).status, 200);
  assert.equal((await ask(port, { path: "/large" })).body.length, 200 * 65_536);
  const read = await ask(port, { path: "/read", method: "POST", body: "x" });
  assert.equal(read.status, 500);
  assert.ok(lines.some((line) => line.includes("has been read already")));
  await assert.rejects(ask(port, { path: "/left" }));
  assert.ok(lines.includes("left"));
  {
    await using client = await connect(port);
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`;
    await client.send(get("/trailers") + get("/none") + get("/trailers"));
    assert.match((await client.readResponse()).body, /body/);
    assert.equal((await client.readResponse()).status, 204);
    assert.equal((await client.readResponse()).status, 200);
    await client.send("GET /trailers HTTP/1.0\r\nHost: app.test\r\n\r\n");
    assert.equal((await client.readResponse()).status, 200);
  }
  {
    await using client = await connect(port);
    await client.send(
      "POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
    );
    assert.equal((await client.readResponse()).status, 100);
    await client.send("abc");
    let echoed = await client.readResponse();
    while (echoed.status === 100) echoed = await client.readResponse();
    assert.equal(echoed.body, "abc");
  }
  {
    await using client = await connect(port);
    await client.send("POST /echo HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9\r\n\r\nabc");
  }
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port, { path: "/none" })));
  assert.ok(answers.every(({ status }) => status === 204));
});

test("closing finishes what it carries, and takes nothing more", bounded, async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using back = await serve((_request, response) => {
    begun.resolve();
    void go.promise.then(() => response.end("whole"));
  });
  const sockets = new WebSocketServer({ server: back.server });
  const url = `http://127.0.0.1:${back.port}`;
  await using proxy = await createProxy({
    routes: { "app.test": url, "127.0.0.1": url },
    shutdown: { tunnelGrace: "200ms" },
  });
  await using front = await inFrontOf(proxy);
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}/chat`);
  await once(socket, "open");
  const gone = once(socket, "close");
  const running = ask(front.port);
  await begun.promise;
  const closing = proxy.close();
  assert.equal((await ask(front.port)).status, 503);
  go.resolve();
  assert.equal((await running).body, "whole");
  await gone;
  await closing;
  await proxy.close();
  await assert.rejects(proxy.listen(0), /closed/);
  await assert.rejects(proxy.apply({ routes: {} }), /closed/);
  sockets.close();
});

test("middlewares of the program's own are named in the configuration", bounded, async () => {
  await using back = await backend();
  const greet = defineMiddleware({
    settings: z.strictObject({ word: z.string() }),
    create: ({ word }) => ({
      onResponse: (_request, response) => response.headers.set("X-Word", word),
    }),
  });
  const stop = defineMiddleware({ create: () => ({ onRequest: () => ({ status: 418 }) }) });
  const service = `http://127.0.0.1:${back.port}`;
  const routes = {
    "app.test": { service, middlewares: [{ greet: { word: "hi" } }] },
    "stop.test": { service, middlewares: ["stop"] },
  };
  await using proxy = await createProxy({ routes }, { middlewares: { greet, stop } });
  const { port } = await proxy.listen("127.0.0.1:0");
  assert.equal(field(await ask(port), "x-word"), "hi");
  assert.equal((await ask(port, { name: "stop.test" })).status, 418);
  const turns = ["one", "two", "three"].map((word) =>
    proxy.apply({ routes: { "app.test": { service, middlewares: [{ greet: { word } }] } } }),
  );
  await Promise.all(turns);
  assert.equal(field(await ask(port), "x-word"), "three");
});

test("what cannot begin says why", bounded, async () => {
  const before = left().length;
  await assert.rejects(createProxy({ routes: { "a.test": "nonsense" } }), ConfigError);
  assert.equal(left().length, before, "nothing is left behind");
  await using taken = await serve();
  await assert.rejects(
    createProxy({ listeners: { web: `127.0.0.1:${taken.port}` }, routes: {} }),
    /EADDRINUSE|in use/,
  );
});
