// Clients as people use them: curl, WebSockets, server-sent events and a browser, through the proxy to
// Node's own HTTP server.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { WebSocket, WebSocketServer } from "ws";
import { requestText } from "../harness/ask.ts";
import { signal, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand } from "../harness/command.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Says what arrived: method, headers, and length and digest of the body. */
async function report(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  response.setHeader("Content-Type", "application/json");
  response.end(
    JSON.stringify({
      method: request.method,
      target: request.url,
      headers: request.headers,
      size: body.length,
      digest: digest(body),
    }),
  );
}

interface Report {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly size: number;
  readonly digest: string;
}

describe("curl", { skip: needs("curl") }, () => {
  const stack = new AsyncDisposableStack();
  const download = randomBytes(2_000_000);
  const upload = randomBytes(2_000_000);
  let program: Tidegate;
  let folder: TempFolder;

  const curl = async (args: readonly string[], input?: string) => {
    const url = `http://app.test:${program.port()}`;
    const { code, stdout, stderr } = await runCommand(
      findCommand("curl") ?? "curl",
      [
        "--noproxy", "*", "--silent", "--show-error", "--max-time", "8",
        "--resolve", `app.test:${program.port()}:127.0.0.1`,
        ...args.map((each) => (each.startsWith(folder.path) ? each : each.replace(/^\//, `${url}/`))),
      ],
      input === undefined ? {} : { input },
    );
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const reported = async (args: readonly string[], input?: string) =>
    JSON.parse(await curl(args, input)) as Report;

  before(async () => {
    folder = stack.use(await tempFolder());
    await writeFile(folder.file("up.bin"), upload);
    const { gzipSync } = await import("node:zlib");
    const origin = stack.use(
      await httpOrigin((request, response) => {
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
        if (request.url === "/file" && range !== null) {
          const [from, to] = [Number(range[1]), Number(range[2])];
          response.writeHead(206, { "Content-Range": `bytes ${from}-${to}/${download.length}` });
          response.end(download.subarray(from, to + 1));
        } else if (request.url === "/file") {
          response.setHeader("Content-Length", download.length);
          response.end(request.method === "HEAD" ? undefined : download);
        } else if (request.url === "/gzip") {
          response.setHeader("Content-Encoding", "gzip");
          response.end(gzipSync("unpacked by curl"));
        } else {
          void report(request, response);
        }
      }),
    );
    program = stack.use(
      await startTidegate({ config: { listeners, routes: { "app.test": origin.url } } }),
    );
  });
  after(() => stack.disposeAsync());

  test("GET a file of 2 MB", async () => {
    const text = await curl(["/file"]);
    assert.equal(digest(Buffer.from(text, "latin1")), digest(download));
  });

  test("HEAD tells the length without the body", async () => {
    assert.match(await curl(["--head", "/file"]), /^content-length: 2000000\r$/im);
  });

  test("a range", async () => {
    const text = await curl(["--range", "100-299", "/file"]);
    assert.equal(digest(Buffer.from(text, "latin1")), digest(download.subarray(100, 300)));
  });

  test("POST of a form", async () => {
    const seen = await reported(["-d", "a=1&b=2", "/form"]);
    assert.deepEqual([seen.method, seen.size], ["POST", 7]);
    assert.equal(seen.headers["content-type"], "application/x-www-form-urlencoded");
  });

  test("a multipart upload", async () => {
    const seen = await reported(["-F", `file=@${folder.file("up.bin")}`, "/multipart"]);
    assert.equal(seen.method, "POST");
    assert.ok(seen.size > upload.length);
  });

  test("PUT of a file with its length", async () => {
    const seen = await reported(["-T", folder.file("up.bin"), "/put"]);
    assert.deepEqual([seen.method, seen.size, seen.digest], ["PUT", upload.length, digest(upload)]);
    assert.equal(seen.headers["content-length"], String(upload.length));
  });

  test("PUT in chunks from standard input", async () => {
    const seen = await reported(["-T", "-", "/chunks"], "z".repeat(300_000));
    assert.equal(seen.headers["transfer-encoding"], "chunked");
    assert.deepEqual([seen.size, seen.digest], [300_000, digest(Buffer.from("z".repeat(300_000)))]);
  });

  test("HTTP/1.0, with and without a body", async () => {
    assert.equal((await reported(["--http1.0", "/old"])).method, "GET");
    const seen = await reported(["--http1.0", "--data-binary", `@${folder.file("up.bin")}`, "/old"]);
    assert.equal(seen.digest, digest(upload));
    assert.equal(digest(Buffer.from(await curl(["--http1.0", "/file"]), "latin1")), digest(download));
  });

  test("Expect: 100-continue before 2 MB", async () => {
    const { stderr, stdout } = await runCommand(findCommand("curl") ?? "curl", [
      "--noproxy", "*", "--silent", "--verbose", "--max-time", "8", "--expect100-timeout", "6",
      "-H", "Host: app.test", "-H", "Expect: 100-continue",
      "--data-binary", `@${folder.file("up.bin")}`, `http://127.0.0.1:${program.port()}/expect`,
    ]);
    assert.match(stderr, /< HTTP\/1\.1 100 Continue/);
    assert.equal((JSON.parse(stdout) as Report).digest, digest(upload));
  });

  test("--compressed: what the backend packed arrives packed once", async () => {
    assert.equal(await curl(["--compressed", "/gzip"]), "unpacked by curl");
  });

  test("two requests share one connection", async () => {
    const out = await curl(["-w", "\n%{num_connects}\n", "/a", "/b"]);
    assert.deepEqual(out.match(/^\d+$/gm), ["1", "0"]);
  });
});

describe("WebSockets", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let origin: HttpOrigin;

  before(async () => {
    origin = stack.use(await httpOrigin((_request, response) => response.end()));
    const sockets = new WebSocketServer({
      server: origin.server,
      verifyClient: (info, answer) => {
        if (info.req.url === "/forbidden") answer(false, 403, "Not you", { "X-Why": "because" });
        else answer(true);
      },
      handleProtocols: (protocols) => (protocols.has("chat") ? "chat" : false),
    });
    sockets.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => {
        if (!isBinary && String(data) === "please close") socket.close(4001, "as you wish");
        else socket.send(data, { binary: isBinary });
      });
    });
    stack.defer(() => sockets.close());
    program = stack.use(
      await startTidegate({ config: { listeners, routes: { "ws.test": origin.url } } }),
    );
  });
  after(() => stack.disposeAsync());

  const open = async (path = "/", protocols: string[] = []) => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port()}${path}`, protocols, {
      headers: { Host: "ws.test" },
    });
    await within(once(socket, "open"), 5000, "the WebSocket to open");
    return socket;
  };
  const echoed = async (socket: WebSocket, data: string | Buffer) => {
    const answer = once(socket, "message");
    socket.send(data);
    const [bytes] = (await within(answer, 5000, "an echo")) as [Buffer];
    return bytes;
  };

  test("messages come back, from one byte to a megabyte", async () => {
    const socket = await open();
    for (const size of [1, 125, 126, 65_535, 65_536, 1_000_000]) {
      const sent = randomBytes(size);
      assert.equal(digest(await echoed(socket, sent)), digest(sent), `${size} bytes`);
    }
    socket.terminate();
  });

  test("a hundred messages at once come back in order", async () => {
    const socket = await open();
    const seen: string[] = [];
    const all = signal();
    socket.on("message", (data: Buffer) => {
      seen.push(data.toString());
      if (seen.length === 100) all.fire();
    });
    for (let n = 0; n < 100; n += 1) socket.send(`message ${n}`);
    await within(all.promise, 5000, "all messages");
    assert.deepEqual(seen, Array.from({ length: 100 }, (_, n) => `message ${n}`));
    socket.terminate();
  });

  test("pings are answered", async () => {
    const socket = await open();
    const pong = once(socket, "pong");
    socket.ping("are you there");
    assert.equal(String((await within(pong, 5000, "a pong"))[0]), "are you there");
    socket.terminate();
  });

  test("close codes arrive, from either side", async () => {
    const socket = await open();
    const closed = once(socket, "close");
    socket.send("please close");
    const [code, reason] = (await within(closed, 5000, "the close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4001, "as you wish"]);
    const second = await open();
    const ended = once(second, "close");
    second.close(4002, "mine");
    assert.equal((await within(ended, 5000, "the close"))[0], 4002);
  });

  test("a subprotocol is agreed on", async () => {
    const socket = await open("/", ["chat", "other"]);
    assert.equal(socket.protocol, "chat");
    socket.terminate();
  });

  test("a refused upgrade is answered as the backend answered it", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port()}/forbidden`, {
      headers: { Host: "ws.test" },
    });
    socket.on("error", () => {});
    const [, response] = (await within(once(socket, "unexpected-response"), 5000, "403")) as [
      unknown,
      IncomingMessage,
    ];
    assert.equal(response.statusCode, 403);
    assert.equal(response.headers["x-why"], "because");
    assert.equal(String(await bodyOf(response)), "Not you");
  });

  test("to an unknown host an upgrade is 404", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port()}/`, {
      headers: { Host: "nobody.test" },
    });
    socket.on("error", () => {});
    const [, response] = (await within(once(socket, "unexpected-response"), 5000, "404")) as [
      unknown,
      IncomingMessage,
    ];
    assert.equal(response.statusCode, 404);
    response.resume();
  });
});

test("server-sent events arrive one by one, when they are sent", async () => {
  const responses: ServerResponse[] = [];
  const arrived = signal();
  await using origin = await httpOrigin((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(": hello\n\n");
    responses.push(response);
    arrived.fire();
  });
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": origin.url } },
  });
  await using client = await connect(program.port());
  await client.send(requestText({ headers: { Accept: "text/event-stream" } }));
  await within(arrived.promise, 5000, "the request");
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  await client.waitHeadOrClose();
  const head = await client.readBytes(client.pending.indexOf("\r\n\r\n") + 4);
  assert.match(head, /text\/event-stream/);
  assert.equal(await client.readBytes(chunk(": hello\n\n").length), chunk(": hello\n\n"));
  // The next is not sent before the last was seen: a buffer anywhere would stop this.
  for (let n = 0; n < 20; n += 1) {
    const event = `data: ${n}\n\n`;
    responses[0]?.write(event);
    assert.equal(await client.readBytes(chunk(event).length), chunk(event));
  }
  const gone = once(responses[0] ?? origin.server, "close");
  client.reset();
  await within(gone, 5000, "the origin to see that the reader left");
});

const site: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
  "/": [
    "text/html",
    `<!doctype html><title>site</title><link rel="stylesheet" href="/style.css">
<script type="module" src="/app.js"></script>
<img id="one" src="/one.svg"><img id="two" src="/two.svg">
<form method="post" action="/form"><input name="text" value="grüße"><button>go</button></form>`,
  ],
  "/style.css": ["text/css", "body { color: rgb(1, 2, 3) }"],
  "/app.js": [
    "text/javascript",
    `const socket = new WebSocket("ws://" + location.host + "/socket");
socket.onopen = () => socket.send("from the browser");
socket.onmessage = (event) => { document.body.dataset.echo = event.data; };
const data = await (await fetch("/data.json")).json();
document.body.dataset.fetched = data.items.length;`,
  ],
  "/one.svg": ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>`],
  "/two.svg": ["image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`],
  "/data.json": ["application/json", JSON.stringify({ items: Array.from({ length: 5000 }) })],
};

test("a browser loads a site, posts a form and opens a WebSocket", { skip: needs("chromium") }, async () => {
  await using origin = await httpOrigin((request, response) => {
    if (request.method === "POST") {
      void bodyOf(request).then((body) => {
        response.setHeader("Content-Type", "text/html; charset=utf-8");
        response.end(`<p id="sent">${new URLSearchParams(String(body)).get("text")}</p>`);
      });
      return;
    }
    const [type, body] = site[request.url ?? ""] ?? [];
    response.statusCode = type === undefined ? 404 : 200;
    response.setHeader("Content-Type", type ?? "text/plain");
    response.end(body);
  });
  const sockets = new WebSocketServer({ server: origin.server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  await using program = await startTidegate({
    config: { listeners, routes: { "site.localhost": origin.url } },
  });
  const browser = await chromium.launch({
    executablePath: findCommand("chromium") ?? "chromium",
    timeout: 20_000,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(10_000);
    const failed: string[] = [];
    page.on("requestfailed", (request) => failed.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on("pageerror", (error) => failed.push(String(error)));
    await page.goto(`http://site.localhost:${program.port()}/`, { waitUntil: "load" });
    await page.waitForSelector('body[data-echo="from the browser"][data-fetched="5000"]');
    const found = await page.evaluate(`({
      color: getComputedStyle(document.body).color,
      widths: [...document.images].map((each) => each.naturalWidth),
    })`);
    assert.deepEqual(found, { color: "rgb(1, 2, 3)", widths: [7, 9] });
    await page.click("button");
    assert.equal(await page.textContent("#sent"), "grüße");
    assert.deepEqual(failed, []);
  } finally {
    await browser.close();
    sockets.close();
  }
});
