import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTcp } from "node:net";
import { text as outputOf } from "node:stream/consumers";
import { test } from "node:test";
import { createServer as createVite } from "vite";
import { WebSocket, WebSocketServer } from "ws";
import { createProxy } from "../../src/library/tidegate.ts";
import { ask, field } from "../harness/ask.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { serve } from "../harness/http-proxy-trial.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const bounded = { timeout: 60_000 };

test("Vite's development server hands requests and WebSockets to it", bounded, async () => {
  await using folder = await tempFolder();
  mkdirSync(folder.file("src"));
  writeFileSync(folder.file("index.html"), "<!doctype html><title>page of vite</title>");
  await using back = await serve((request, response) => {
    request.pipe(response.setHeader("X-Path", request.url ?? ""));
  });
  const sockets = new WebSocketServer({ server: back.server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  const routes = { "*": { service: `http://127.0.0.1:${back.port}`, stripPrefix: "/api" } };
  await using proxy = await createProxy({ routes });
  const vite = await createVite({
    ...{ root: folder.path, configFile: false, logLevel: "silent", cacheDir: folder.file("cache") },
    server: { host: "127.0.0.1", port: 0, watch: null },
    plugins: [
      {
        name: "proxy",
        configureServer({ middlewares, httpServer }) {
          middlewares.use((request, response, next) => {
            if (request.url?.startsWith("/api/") === true) void proxy.handle(request, response);
            else next();
          });
          httpServer?.on("upgrade", (request, socket, head: Buffer) => {
            if (request.url?.startsWith("/api/") === true) proxy.upgrade(request, socket, head);
          });
        },
      },
    ],
  });
  try {
    await vite.listen();
    const bound = vite.httpServer?.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const posted = await ask(port, {
      ...{ path: "/api/things?a", name: `127.0.0.1:${port}` },
      ...{ method: "POST", body: "to the backend" },
    });
    assert.equal(posted.body, "to the backend");
    assert.equal(field(posted, "x-path"), "/things?a");
    const page = await ask(port, { name: `127.0.0.1:${port}`, headers: { Accept: "text/html" } });
    assert.match(page.body, /page of vite/);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/chat`);
    await once(socket, "open");
    socket.send("hello");
    const [said] = await once(socket, "message");
    assert.equal(String(said), "hello");
    socket.close();
    await once(socket, "close");
    const hot = new WebSocket(`ws://127.0.0.1:${port}/`, "vite-ping");
    await once(hot, "open");
    hot.close();
    await once(hot, "close");
  } finally {
    await vite.close();
    sockets.close();
  }
});

test("early hints of a backend go out through Node's server", bounded, async () => {
  await using back = await serve((_request, response) => {
    response.writeEarlyHints({ link: ["</a.css>; rel=preload; as=style", "</b.js>; rel=preload"] });
    response.end("page");
  });
  await using proxy = await createProxy({ routes: { "*": `http://127.0.0.1:${back.port}` } });
  const front = createServer((request, response) => void proxy.handle(request, response));
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  const bound = front.address();
  await using client = await connect(typeof bound === "object" && bound !== null ? bound.port : 0);
  await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const hints = await client.readResponse();
  assert.equal(hints.status, 103);
  assert.match(field(hints, "link"), /a\.css.*b\.js/);
  const answer = await client.readResponse();
  assert.equal(answer.status, 200);
  assert.equal(answer.body, "page");
  front.closeAllConnections();
  front.close();
});

test("a backend's hint that Node would be busy with for days is left out", bounded, async () => {
  const endless = `</a>${";a=b".repeat(60)};"`;
  const back = createTcp((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => {
      socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${endless}, </b.css>; rel=preload\r\n\r\n`);
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage");
    });
  });
  back.listen(0, "127.0.0.1");
  await once(back, "listening");
  const there = back.address();
  const target = `http://127.0.0.1:${typeof there === "object" && there !== null ? there.port : 0}`;
  await using proxy = await createProxy({ routes: { "*": target } });
  await using front = await serve((request, response) => void proxy.handle(request, response));
  await using client = await connect(front.port);
  await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal(field(await client.readResponse(), "link"), "</b.css>; rel=preload");
  assert.equal((await client.readResponse()).body, "page");
  back.close();
});

test("the examples of the guide to embedding run", bounded, async () => {
  const guide = readFileSync(new URL("../../docs/guide/embedding.md", import.meta.url), "utf8");
  const library = new URL("../../src/library/tidegate.ts", import.meta.url).href;
  const port = await freePort();
  const imports = new Set<string>();
  const examples = [...guide.matchAll(/```ts\n([^]*?)```/g)].map(([, text = ""]) =>
    text
      .replace(/^import .*\n/gm, (line) => {
        if (!line.includes('"tidegate"')) imports.add(line);
        return "";
      })
      .replaceAll("8080", String(port)),
  );
  const [alone = "", besides = "", middleware = "", change = "", ...more] = examples;
  assert.deepEqual(more, [], "another example: how is it tried?");
  const text = `
    import { ConfigError, createProxy, defineMiddleware } from ${JSON.stringify(library)};
    ${[...imports].join("")}
    const ask = async (path) => (await fetch("http://127.0.0.1:${port}" + path)).text();
    { ${alone} console.log(port); }
    { ${besides} console.log(await ask("/health")); server.close(); await proxy.close(); }
    { ${middleware} ${change} console.log("changed"); await proxy.close(); }
    process.exit();
  `;
  const program = spawn(process.execPath, ["--input-type=module-typescript", "--eval", text], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [out] = await Promise.all([outputOf(program.stdout), once(program, "close")]);
  assert.equal(out, `${port}\nok\nchanged\n`);
});
