import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2, type Http2Server } from "node:http2";
import { createServer as createTcp, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { createProxyServer, type ServerOptions } from "../../src/library/http-proxy.ts";
import { ask, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { serve, textOf } from "../harness/http-proxy-trial.ts";

const bounded = { timeout: 30_000 };

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Listens, and ends with the block. */
async function bound(server: Server | Http2Server) {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const end = (): void => {
    for (const each of sockets) each.destroy();
    server.close();
  };
  return { port, sockets, [Symbol.dispose]: end };
}

/** Takes some of a body, and then breaks off. */
function breaksOff() {
  return bound(
    createTcp((socket) => {
      socket.pause();
      setTimeout(() => socket.resetAndDestroy(), 100);
    }),
  );
}

test(
  "who breaks off in the middle of a body holds up neither the other nor the client",
  bounded,
  async () => {
    using broken = await breaksOff();
    await using back = await serve((request, response) => {
      void textOf(request).then((text) => response.end(String(text.length)));
    });
    const asked = { method: "POST", body: "x".repeat(20_000_000) };
    const copying = createProxyServer({ target: urlOf(back.port), forward: urlOf(broken.port) });
    copying.on("error", () => {});
    await using copied = await serve((request, response) => copying.web(request, response));
    assert.equal((await ask(copied.port, asked)).body, "20000000");
    const failing = createProxyServer({ target: urlOf(broken.port) });
    failing.on("error", (_error, _request, response) => {
      if ("writeHead" in response) response.writeHead(502, { "Content-Length": 0 }).end();
    });
    await using failed = await serve((request, response) => {
      if (request.url === "/next") response.end("next");
      else failing.web(request, response);
    });
    await using client = await connect(failed.port);
    const sent = client.send(requestText(asked));
    assert.equal((await client.readResponse()).status, 502);
    await sent;
    await client.send(requestText({ path: "/next" }));
    assert.equal((await client.readResponse()).body, "next");
    copying.close();
    failing.close();
  },
);

test("no client ends a program that listens for no errors", bounded, async () => {
  await using back = await serve((_request, response) => response.end());
  const proxy = createProxyServer({ target: urlOf(back.port) });
  await using front = await serve((request, response) => proxy.web(request, response));
  front.server.on("upgrade", (request, socket, head: Buffer) => proxy.ws(request, socket, head));
  assert.equal((await ask(front.port, { path: "/<script>" })).status, 400);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`X-${at}`, "1"]));
  assert.equal((await ask(front.port, { headers: many })).status, 431);
  await using client = await connect(front.port);
  await client.send(
    "GET /< HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  assert.equal(await client.readToEnd(), "");
  assert.equal((await ask(front.port)).status, 200);
  proxy.close();
});

test("what a listener was to look at does not go on when it threw", bounded, () => {
  const library = new URL("../../src/library/http-proxy.ts", import.meta.url).href;
  const text = `
    import { createServer } from "node:http";
    import { once } from "node:events";
    import { createProxyServer } from ${JSON.stringify(library)};
    const said = [];
    process.on("uncaughtException", (error) => said.push("uncaught " + error.message));
    const back = createServer((request, response) => {
      said.push("asked");
      response.end("secret");
    }).listen(0, "127.0.0.1");
    await once(back, "listening");
    for (const event of ["start", "proxyReq", "proxyRes"]) {
      const proxy = createProxyServer({ target: "http://127.0.0.1:" + back.address().port });
      proxy.on(event, () => { throw new Error(event); });
      const server = createServer((request, response) => {
        try { proxy.web(request, response); } catch (error) { response.end("caught " + error.message); }
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const asked = fetch("http://127.0.0.1:" + server.address().port);
      said.push(await asked.then((answer) => answer.text()).catch(() => "nothing"));
    }
    console.log(said.join());
    process.exit();
  `;
  const words = ["--input-type=module", "--eval", text];
  const { stdout } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 25_000 });
  const told = "caught start,uncaught proxyReq,nothing,asked,uncaught proxyRes,nothing";
  assert.equal(stdout.trim(), told);
});

test(
  "each open of a WebSocket has its close, and who leaves before is noticed",
  bounded,
  async () => {
    await using back = await serve();
    const sockets = new WebSocketServer({ server: back.server });
    sockets.on("connection", (socket, request) => {
      socket.on("error", () => {});
      socket.on("message", () => request.socket.resetAndDestroy());
    });
    const proxy = createProxyServer({ target: urlOf(back.port) });
    let open = 0;
    const events: string[] = [];
    proxy.on("open", () => events.push(`open ${++open}`));
    proxy.on("close", () => events.push(`close ${--open}`));
    proxy.on("econnreset", () => events.push("econnreset"));
    using silent = await bound(createTcp());
    await using front = await serve();
    front.server.on("upgrade", (request, socket, head: Buffer) => {
      if (request.url === "/silent")
        proxy.ws(request, socket, head, { target: urlOf(silent.port) });
      else proxy.ws(request, socket, head);
    });
    const ways: ((socket: WebSocket) => void)[] = [
      (socket) => socket.close(),
      (socket) => socket.terminate(),
      (socket) => socket.send("break off"),
    ];
    for (const leave of ways) {
      const socket = new WebSocket(`ws://127.0.0.1:${front.port}`);
      socket.on("error", () => {});
      await once(socket, "open");
      leave(socket);
      await eventually("it is over", () => events.length > 1);
      assert.deepEqual(events.splice(0), ["open 1", "close 0"]);
    }
    {
      await using client = await connect(front.port);
      await client.send(
        "GET /silent HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
      await eventually("it is asked", () => silent.sockets.size === 1);
      client.socket.end();
      await eventually("it was told", () => events.join() === "econnreset");
    }
    const [left] = silent.sockets;
    left?.resume();
    await eventually("nothing is left of it", () => silent.sockets.size === 0);
    sockets.close();
    proxy.close();
  },
);

test("a WebSocket's first words that come too early are not lost", bounded, async () => {
  const answered = Promise.withResolvers<Socket>();
  using back = await bound(createTcp((socket) => answered.resolve(socket)));
  const proxy = createProxyServer({ target: urlOf(back.port) });
  await using front = await serve();
  front.server.on("upgrade", (request, socket, head: Buffer) => proxy.ws(request, socket, head));
  await using client = await connect(front.port);
  await client.send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\none ",
  );
  const socket = await answered.promise;
  await once(socket, "readable");
  for (const word of ["two ", "three "]) await client.send(word);
  let got = "";
  socket.on("data", (bytes: Buffer) => (got += bytes.toString()));
  socket.write("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await client.send("four");
  await eventually("all of it came", () => got.endsWith("\r\n\r\none two three four"));
  proxy.close();
});

test("clients of HTTP/2 name their host otherwise", bounded, async () => {
  await using back = await serve((request, response) => {
    const { host } = request.headers;
    const location = `http://127.0.0.1:${request.socket.localPort}/next`;
    const told = [host, request.headers["x-forwarded-host"], request.headers["x-forwarded-port"]];
    response.writeHead(302, { Location: location, "X-Told": told.join() }).end();
  });
  const proxy = createProxyServer({ target: urlOf(back.port), xfwd: true, autoRewrite: true });
  const server = createHttp2((request, response) => {
    proxy.web(request as never, response as never);
  });
  using front = await bound(server);
  const session = connectHttp2(urlOf(front.port));
  const asked = session.request({ ":path": "/", ":authority": "app.test:99" });
  const [head] = await once(asked, "response");
  assert.equal(head.location, "http://app.test:99/next");
  assert.equal(head["x-told"], "app.test:99,app.test:99,99");
  session.destroy();
  proxy.close();
});

test("a body is what is given of it, or an error", bounded, async () => {
  await using back = await serve((request, response) => {
    textOf(request).then(
      (text) => response.end(`${request.url} ${text}`),
      () => response.destroy(),
    );
  });
  const gone = new Readable({ read() {} });
  gone.on("newListener", (event) => {
    if (event === "close") setImmediate(() => gone.destroy());
  });
  const bodies: readonly [Readable, string][] = [
    [Readable.from([new Uint8Array([97, 98])]), "/base/users?a ab"],
    [Readable.from(["a", "b"]), "/base/users?a ab"],
    [Readable.from([5]), "a body is read as text or bytes"],
    [gone, "options.buffer was closed before its end"],
  ];
  for (const [buffer, expected] of bodies) {
    const target = { host: "127.0.0.1", port: back.port, path: "/base" };
    const proxy = createProxyServer({ target, buffer } satisfies ServerOptions);
    proxy.on("error", (error, _request, response) => {
      if ("writeHead" in response) response.writeHead(502).end(error.message);
    });
    await using front = await serve((request, response) => {
      request.url = "users?a";
      proxy.web(request, response);
    });
    assert.equal((await ask(front.port, { method: "POST", body: "ab" })).body, expected);
    proxy.close();
  }
});

test("an answer without its body does not take the next one for it", bounded, async () => {
  await using back = await serve((request, response) => {
    response.writeHead(200, { "Content-Length": 4, "X-Method": request.method }).end("body");
  });
  const proxy = createProxyServer({ target: urlOf(back.port) });
  proxy.on("proxyReq", (proxyReq) => void (proxyReq.method = "HEAD"));
  await using front = await serve((request, response) => proxy.web(request, response));
  await using client = await connect(front.port);
  for (const at of [1, 2]) {
    await client.send(requestText({}));
    const { status, body } = await client.readResponse();
    assert.deepEqual([status, body], [200, ""], `answer ${at}`);
  }
  proxy.close();
});
