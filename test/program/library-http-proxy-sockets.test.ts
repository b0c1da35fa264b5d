import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createSecureServer } from "node:https";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { createProxyServer, type ServerOptions } from "../../src/library/http-proxy.ts";
import { ask, requestText } from "../harness/ask.ts";
import { freePort } from "../harness/free-port.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { connect } from "../harness/client.ts";
import { needs } from "../harness/needs.ts";
import { serve, textOf } from "../harness/http-proxy-trial.ts";

const bounded = { timeout: 30_000 };
const withTls = { ...bounded, skip: needs("openssl") };

function urlOf({ port }: { readonly port: number }, scheme = "http"): string {
  return `${scheme}://127.0.0.1:${port}`;
}

/** Nobody listens there: a port that was just freed may be somebody else's by now. */
const gone = { port: 1 };

/** A proxy in front of it, by its own `listen`. */
async function front(options: ServerOptions) {
  const proxy = createProxyServer(options).listen(0, "127.0.0.1");
  const codes: string[] = [];
  proxy.on("error", (error, _request, response) => {
    codes.push(error.code ?? error.message);
    if ("writeHead" in response) response.writeHead(502).end();
    else response.end("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n");
  });
  await eventually(
    "it is so",
    () => typeof proxy.address() === "object" && proxy.address() !== null,
  );
  const bound = proxy.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { proxy, codes, port, [Symbol.dispose]: () => proxy.close() };
}

test("a WebSocket goes through, with its events", bounded, async () => {
  await using back = await serve();
  const sockets = new WebSocketServer({ server: back.server });
  sockets.on("connection", (socket, request) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.send(
      `${request.url} ${String(request.headers["x-mine"])} ${String(request.headers["x-forwarded-proto"])}`,
    );
  });
  using through = await front({ target: urlOf(back, "ws"), ws: true, xfwd: true });
  const events: string[] = [];
  through.proxy.on("proxyReqWs", (proxyReq) => void proxyReq.setHeader("X-Mine", "1"));
  through.proxy.on("open", () => events.push("open"));
  through.proxy.on("close", () => events.push("close"));
  const socket = new WebSocket(`${urlOf(through, "ws")}/chat`);
  const [first] = await once(socket, "message");
  assert.equal(String(first), "/chat 1 ws");
  const big = randomBytes(3_000_000);
  socket.send(big);
  const [echoed] = await once(socket, "message");
  assert.ok(Buffer.isBuffer(echoed) && echoed.equals(big));
  socket.close();
  await once(socket, "close");
  await eventually("it is so", () => events.join() === "open,close");
  sockets.close();
});

test(
  "what is no WebSocket there is answered, and who is not there is an error",
  bounded,
  async () => {
    await using back = await serve((_request, response) => {
      response.writeHead(403, { "X-Why": "no" });
      response.write("not ");
      response.end("here");
    });
    using refused = await front({ target: urlOf(back), ws: true });
    const asking = { headers: { Connection: "Upgrade", Upgrade: "websocket" } };
    const answer = await ask(refused.port, asking);
    assert.equal(answer.status, 403);
    assert.equal(answer.body, "not here");
    using away = await front({ target: urlOf(gone), ws: true });
    assert.equal((await ask(away.port, asking)).status, 502);
    assert.deepEqual(away.codes, ["ECONNREFUSED"]);
    await using other = await connect(refused.port);
    await other.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    assert.equal(await other.readToEnd(), "", "only WebSockets");
  },
);

test("large bodies go both ways at the pace of the slower one", bounded, async () => {
  const piece = randomBytes(1_000_000);
  let written = 0;
  await using back = await serve((request, response) => {
    if (request.method === "POST") {
      request.pipe(response);
      return;
    }
    const write = (): void => {
      while (written < 100) {
        written++;
        if (!response.write(piece)) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  });
  using through = await front({ target: urlOf(back) });
  const body = randomBytes(5_000_000).toString("latin1");
  const echoed = await ask(through.port, { method: "POST", body });
  assert.ok(echoed.body === body);
  await using slow = await connect(through.port);
  slow.socket.pause();
  await slow.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await eventually("it is so", () => written > 0);
  let before = -1;
  await eventually("it is so", async () => {
    const same = before === written;
    before = written;
    return same;
  });
  assert.ok(
    written < 60,
    `${written} MB were taken from the backend for a client that reads nothing`,
  );
});

test("connections are kept, and a closed one costs no request", bounded, async () => {
  const opened: unknown[] = [];
  await using back = await serve((request, response) => {
    void textOf(request).then((text) => response.end(text));
  });
  back.server.on("connection", (socket) => opened.push(socket));
  using through = await front({ target: urlOf(back) });
  for (let at = 0; at < 5; at++) assert.equal((await ask(through.port)).status, 200);
  assert.equal(opened.length, 1);
  back.server.closeIdleConnections();
  for (const method of ["GET", "POST"]) {
    assert.equal((await ask(through.port, { method, body: "" })).status, 200, method);
  }
  using each = await front({ target: urlOf(back), agent: false });
  const before = opened.length;
  for (let at = 0; at < 3; at++) await ask(each.port);
  assert.equal(opened.length, before + 3);
  assert.deepEqual(through.codes, []);
});

test(
  "who leaves is told of, and a backend that is late or breaks off is seen",
  bounded,
  async () => {
    let left = 0;
    const arrived = Promise.withResolvers<void>();
    await using back = await serve((request, response) => {
      response.on("close", () => left++);
      if (request.url === "/half") {
        response.writeHead(200, { "Content-Length": "10" });
        response.write("half");
        setTimeout(() => response.destroy(), 20);
      }
      if (request.url === "/wait") arrived.resolve();
    });
    using through = await front({ target: urlOf(back) });
    const told = once(through.proxy, "econnreset");
    {
      await using client = await connect(through.port);
      await client.send("GET /wait HTTP/1.1\r\nHost: app.test\r\n\r\n");
      await arrived.promise;
    }
    await told;
    await eventually("it is so", () => left === 1);
    await assert.rejects(ask(through.port, { path: "/half" }), /ended/);
    using hasty = await front({ target: urlOf(back), proxyTimeout: 100 });
    assert.equal((await ask(hasty.port, { path: "/late" })).status, 502);
    assert.deepEqual(hasty.codes, ["ETIMEDOUT"]);
    assert.deepEqual(through.codes, []);
  },
);

test("what two readers could take for different requests is not sent", bounded, async () => {
  const seen: string[] = [];
  await using back = await serve((request, response) => {
    seen.push(`${request.method} ${request.url} ${String(request.headers["te"] ?? "-")}`);
    void textOf(request).then((text) => response.end(text));
  });
  using through = await front({ target: `${urlOf(back)}/base` });
  through.proxy.on("proxyReq", (proxyReq, request) => {
    if (request.url === "/longer") proxyReq.setHeader("Content-Length", 100);
    if (request.url === "/line") proxyReq.path = "/a HTTP/1.1\r\nX: y";
    if (request.url === "/own") {
      proxyReq.setHeader("Content-Length", 3);
      proxyReq.write("mine");
      proxyReq.end();
    }
  });
  const bodied = { method: "POST", body: "abc" };
  assert.equal((await ask(through.port, { path: "/longer", ...bodied })).status, 502);
  assert.equal((await ask(through.port, { path: "/line" })).status, 502);
  assert.equal((await ask(through.port, { path: "/own", ...bodied })).body, "mine");
  assert.equal((await ask(through.port, { path: "/a/%2e%2e/x" })).status, 200);
  assert.equal((await ask(through.port, { path: "/../x" })).status, 502);
  const hops = { TE: "trailers", Connection: "X-Named", "X-Named": "1" };
  assert.equal((await ask(through.port, { path: "/hops", headers: hops })).status, 200);
  assert.deepEqual(seen, ["POST /base/own -", "GET /base/x -", "GET /base/hops -"]);
  assert.deepEqual(through.codes, ["BAD_LENGTH", "BAD_TARGET", "BAD_TARGET"]);
});

test("a target with TLS has to show a good certificate, unless it need not", withTls, async () => {
  const made = await certificates("backend.test");
  const server = createSecureServer({ cert: made.cert, key: made.key }, (_request, response) =>
    response.end("safe"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  using strict = await front({ target: urlOf({ port }, "https") });
  assert.equal((await ask(strict.port)).status, 502);
  assert.equal(strict.codes.length, 1);
  using loose = await front({ target: urlOf({ port }, "https"), secure: false });
  assert.equal((await ask(loose.port)).body, "safe");
  server.closeAllConnections();
  server.close();
});

test("options that are not done are refused with what to do instead", bounded, async () => {
  const wrong: readonly [object, RegExp][] = [
    [{ followRedirects: true }, /followRedirects is not done: .*selfHandleResponse/],
    [{ agent: {} }, /agent is not done: .*agent: false/],
    [{ localAddress: "127.0.0.1" }, /localAddress is not done/],
    [{ toProxy: true }, /toProxy is not done/],
    [{ fetch }, /fetch is not done/],
    [{ changeOrign: true }, /changeOrign: there is no such option/],
    [{ target: "localhost:3000" }, /protocol is localhost:: write it as http:/],
    [{ target: "nonsense" }, /nonsense is no URL/],
    [{ target: { host: "a", port: 443, pfx: "x" } }, /target\.pfx is not done/],
    [{ target: { host: "a", port: 99_999 } }, /port is 99999/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => createProxyServer(options), { name: "TypeError", message });
  }
  assert.ok(createProxyServer({ followRedirects: false, toProxy: false } as object));
  assert.throws(() => createProxyServer().before(), /start, proxyReq and proxyRes/);
  using through = await front({});
  assert.equal((await ask(through.port)).status, 502);
  assert.deepEqual(through.codes, ["Must set target or forward"]);
});

test("each request may have a target of its own", bounded, async () => {
  const backs = await Promise.all(
    Array.from({ length: 20 }, (_, at) => serve((_request, response) => response.end(String(at)))),
  );
  const proxy = createProxyServer({});
  await using through = await serve((request, response) => {
    const at = Number(request.url?.slice(1));
    proxy.web(request, response, { target: urlOf(backs[at] ?? { port: 1 }) });
  });
  const asked = Array.from({ length: 100 }, (_, at) => at % 20);
  const answers = await Promise.all(asked.map((at) => ask(through.port, { path: `/${at}` })));
  assert.deepEqual(
    answers.map(({ body }) => Number(body)),
    asked,
  );
  proxy.close();
  for (const back of backs) await back[Symbol.asyncDispose]();
});

test("a listener of error may try another target, with the body", bounded, async () => {
  await using back = await serve((request, response) => void request.pipe(response));
  const proxy = createProxyServer({ target: urlOf(gone) });
  proxy.on("error", (_error, request, response) => {
    if ("writeHead" in response) proxy.web(request, response, { target: urlOf(back) });
  });
  await using through = await serve((request, response) => proxy.web(request, response));
  assert.equal((await ask(through.port, { method: "POST", body: "again" })).body, "again");
  proxy.close();
});

test("a copy that cannot be sent holds nobody up", bounded, async () => {
  await using back = await serve((request, response) => void request.pipe(response));
  const asked = { method: "POST", body: "x".repeat(200_000) };
  using main = await front({ target: urlOf(back), forward: urlOf(gone) });
  assert.equal((await ask(main.port, asked)).status, 502, "its error was answered by a listener");
  main.proxy.removeAllListeners("error");
  main.proxy.on("error", () => {});
  assert.equal((await ask(main.port, asked)).body, asked.body);
  using copy = await front({ target: urlOf(gone), forward: urlOf(back) });
  await using client = await connect(copy.port);
  for (const at of [1, 2]) {
    await client.send(requestText(asked));
    assert.equal((await client.readResponse()).status, 502, `request ${at} of the connection`);
  }
});

test("the guide's example runs", bounded, async () => {
  await using back = await serve((request, response) => response.end(request.headers.host));
  const guide = readFileSync(
    new URL("../../docs/guide/from-http-proxy.md", import.meta.url),
    "utf8",
  );
  const example = /```js\n([^]*?)```/.exec(guide)?.[1] ?? "";
  const library = new URL("../../src/library/http-proxy.ts", import.meta.url).href;
  const port = await freePort();
  const text = example
    .replace('"tidegate/http-proxy"', JSON.stringify(library))
    .replace("127.0.0.1:3000", `127.0.0.1:${back.port}`)
    .replace("8080", `${port}, "127.0.0.1"`);
  const program = spawn(process.execPath, ["--input-type=module", "--eval", text]);
  try {
    const answer = await eventually("it answers", () => ask(port).catch(() => undefined), 15_000);
    assert.equal(answer.body, `127.0.0.1:${back.port}`);
  } finally {
    program.kill();
  }
});

/** A program of its own in front of `target`, which asks itself once. */
function programWith(target: string, more: string): ReturnType<typeof spawnSync> {
  const library = new URL("../../src/library/http-proxy.ts", import.meta.url).href;
  const text = `
    import { createServer } from "node:http";
    import { createProxyServer } from ${JSON.stringify(library)};
    const proxy = createProxyServer({ target: ${JSON.stringify(target)} });
    const server = createServer((request, response) => proxy.web(request, response));
    server.listen(0, "127.0.0.1", () => {
      fetch("http://127.0.0.1:" + server.address().port).then((answer) => answer.text()).then(console.log, () => {});
    });
    ${more}
  `;
  const words = ["--input-type=module", "--eval", text];
  return spawnSync(process.execPath, words, { encoding: "utf8", timeout: 25_000 });
}

test("an error that nobody listens for ends the program", bounded, async () => {
  const { status, stderr } = programWith(urlOf(gone), "");
  assert.notEqual(status, 0);
  assert.match(String(stderr), /ECONNREFUSED/);
});

test("kept connections let a program end", bounded, async () => {
  const back = spawn(process.execPath, [
    "--eval",
    'require("node:http").createServer((_, response) => response.end("kept")).listen(0, "127.0.0.1", function () { console.log(this.address().port); });',
  ]);
  const [port] = await once(back.stdout, "data");
  const more = 'proxy.on("end", () => server.close());';
  const { status, stdout } = programWith(urlOf({ port: Number(String(port)) }), more);
  assert.equal(status, 0);
  assert.equal(String(stdout).trim(), "kept");
  back.kill();
});
