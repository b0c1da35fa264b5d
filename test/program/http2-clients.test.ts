// Programs that people have, over HTTP/2: curl, nghttp, h2load across a reload and a roll of workers, and a browser with a
// WebSocket (RFC 8441).

import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { WebSocketServer } from "ws";
import { signal, within } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { askHttp2 } from "../harness/http2-asker.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const listeners = {
  plain: { bind: "127.0.0.1:0", h2c: true },
  secure: { bind: "127.0.0.1:0", tls: true },
};

test("curl, with and without TLS", { skip: needs("curl") }, async () => {
  await using backend = await httpOrigin((request, response) => {
    let size = 0;
    request.on("data", (bytes: Buffer) => (size += bytes.length));
    request.on("end", () => response.end(`${request.method} ${size}\n`));
  });
  await using program = await startTidegate({
    config: { listeners, routes: { localhost: backend.url } },
  });
  const shown = ["-sk", "-w", "%{http_version} %{http_code}"];
  const plain = `http://localhost:${program.port("plain")}/`;
  const secure = `https://localhost:${program.port("secure")}/`;
  const curl = async (...args: string[]) => (await runCommand("curl", [...shown, ...args])).stdout;
  assert.equal(await curl("--http2-prior-knowledge", plain), "GET 0\n2 200");
  assert.equal(await curl(plain), "GET 0\n1.1 200");
  assert.equal(await curl(secure), "GET 0\n2 200");
  assert.equal(await curl("--http1.1", secure), "GET 0\n1.1 200");
  assert.equal(await curl("--data-binary", "x".repeat(100_000), secure), "POST 100000\n2 200");
  assert.equal(await curl("-I", "-o", "/dev/null", secure), "2 200");
  assert.equal(await curl("--http2", plain), "GET 0\n1.1 200");
});

test("nghttp gets a page and what belongs to it", { skip: needs("nghttp") }, async () => {
  await using backend = await httpOrigin((request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(request.url === "/" ? '<img src="/a.png"><img src="/b.png">' : "image");
  });
  await using program = await startTidegate({
    config: { listeners, routes: { localhost: backend.url } },
  });
  const { stdout, code } = await runCommand("nghttp", [
    ...["-nas", `http://localhost:${program.port("plain")}/`],
  ]);
  assert.equal(code, 0);
  assert.equal(stdout.match(/ 200 /g)?.length, 3, stdout);
});

test(
  "h2load loses nothing over reloads and new workers",
  { skip: needs("h2load"), timeout: 60_000 },
  async () => {
    await using backend = await httpOrigin((_request, response) => response.end("hello"));
    const config = { listeners, routes: { localhost: backend.url } };
    await using program = await startTidegate({ workers: 2, config });
    const url = `http://localhost:${program.port("plain")}/`;
    const load = runCommand("h2load", ["-c", "4", "-m", "10", "-D", "6", url]);
    for (let version = 0; version < 3; version++) {
      await program.writeConfig({
        ...config,
        routes: { ...config.routes, [`n${version}.test`]: backend.url },
      });
      await runCommand(tidegate, ["reload", "--control", program.control]);
    }
    await runCommand(tidegate, ["restart", "--control", program.control]);
    const { stdout } = await load;
    const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(stdout) ?? [];
    assert.deepEqual([failed, errored], ["0", "0"], stdout);
    assert.match(stdout, /status codes: [1-9]\d* 2xx, 0 3xx, 0 4xx, 0 5xx/);
  },
);

test("an operator closes one of several requests of a connection", async () => {
  await using backend = await origin();
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": backend.url } },
  });
  await using asker = await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "app.test");
  const closed = asker.ask({ path: "/closed" });
  const first = await backend.accept();
  await first.readRequest();
  const kept = asker.ask({ path: "/kept" });
  const second = await backend.accept();
  await second.readRequest();
  const { stdout } = await runCommand(tidegate, [
    "traffic",
    "--json",
    "--control",
    program.control,
  ]);
  const open = JSON.parse(stdout) as { id: string; target: string }[];
  const { id = "" } = open.find(({ target }) => target === "/closed") ?? {};
  await runCommand(tidegate, ["traffic", "--close", id, "--control", program.control]);
  assert.equal((await closed).status, 0);
  await second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept");
  assert.equal(String((await kept).body), "kept");
  await program.waitForLog(/OPERATOR_CLOSED/);
});

test(
  "a browser speaks it, and opens its WebSocket in it",
  { skip: needs("chromium") },
  async () => {
    await using backend = await httpOrigin((_request, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end("<title>site</title>");
    });
    const sockets = new WebSocketServer({ server: backend.server });
    sockets.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => socket.send(String(data)));
    });
    await using program = await startTidegate({
      config: { listeners, routes: { "site.localhost": backend.url } },
    });
    const browser = await chromium.launch({
      executablePath: findCommand("chromium") ?? "chromium",
      timeout: 20_000,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true });
      page.setDefaultTimeout(10_000);
      const origin = `site.localhost:${program.port("secure")}`;
      await page.goto(`https://${origin}/`, { waitUntil: "load" });
      const protocol = await page.evaluate(
        `performance.getEntriesByType("navigation")[0].nextHopProtocol`,
      );
      assert.equal(protocol, "h2");
      const echo = await page.evaluate(`new Promise((resolve, reject) => {
      const socket = new WebSocket("wss://${origin}/socket");
      socket.onopen = () => socket.send("from the browser");
      socket.onmessage = ({ data }) => { resolve(data); socket.close(); };
      socket.onerror = () => reject(new Error("it failed"));
    })`);
      assert.equal(echo, "from the browser");
      const line = await program.waitForLog(/\/socket/);
      assert.match(line, /"request":"CONNECT \/socket HTTP\/2.0"/);
    } finally {
      await browser.close();
      sockets.close();
      const over = signal();
      backend.server.closeAllConnections();
      setImmediate(() => over.fire());
      await within(over.promise, 1000, "a turn");
    }
  },
);
