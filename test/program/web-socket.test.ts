// WebSockets of the ws package, through the proxy to a server of the same: messages of all sizes, pings,
// close codes, and upgrades that are refused.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { signal, within } from "../harness/barrier.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

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
      socket.on("message", (data: Buffer, isBinary) => {
        if (!isBinary && data.toString() === "please close") socket.close(4001, "as you wish");
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
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, n) => `message ${n}`),
    );
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
    assert.equal(String(await buffer(response)), "Not you");
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
