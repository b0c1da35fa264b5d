// WebSockets over HTTP/2 (RFC 8441) to a server that knows them from HTTP/1.1: several on one connection beside requests, both
// ways, with ends and back pressure, and those that are refused.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { webSocketAccept } from "../../src/http/websocket.ts";
import { eventually, signal, within } from "../harness/barrier.ts";
import { askHttp2, type Http2Asker } from "../harness/http2-asker.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const plain = { bind: "127.0.0.1:0", h2c: true };

describe("WebSockets over HTTP/2", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let asker: Http2Asker;
  let backend: HttpOrigin;
  /** The backend's end of the tunnel that was opened last. */
  let far: Socket;
  const tunnels = new Set<Socket>();

  before(async () => {
    backend = stack.use(await httpOrigin((_request, response) => response.end("no tunnel")));
    backend.server.on("upgrade", (request, socket: Socket) => {
      far = socket;
      tunnels.add(socket);
      socket.on("error", () => {});
      const key = request.headers["sec-websocket-key"] ?? "";
      if (request.url === "/forbidden") {
        socket.end("HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno");
        return;
      }
      if (request.url === "/ignored") {
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        return;
      }
      const accept = request.url === "/wrong" ? "wrong" : webSocketAccept(key);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`,
      );
      if (request.url === "/echo") socket.pipe(socket);
    });
    program = stack.use(
      await startTidegate({
        config: { listeners: { plain }, routes: { "ws.test": backend.url } },
      }),
    );
    asker = stack.use(await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "ws.test"));
  });
  after(() => {
    for (const each of tunnels) each.destroy();
    return stack.disposeAsync();
  });

  const open = (path: string, protocol = "websocket"): ClientHttp2Stream =>
    asker.session.request(
      {
        ...{ ":method": "CONNECT", ":protocol": protocol, ":scheme": "http", ":path": path },
        ...{ ":authority": "ws.test", "sec-websocket-version": "13" },
      },
      { endStream: false },
    );
  const answered = async (stream: ClientHttp2Stream) => {
    stream.on("error", () => {});
    const [fields] = (await within(once(stream, "response"), 5000, "an answer")) as [
      Record<string, string | number>,
    ];
    return fields;
  };
  /** So many bytes, or all there are until its end. The stream goes on. */
  const received = async (stream: ClientHttp2Stream, size: number): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    let length = 0;
    const enough = signal();
    stream.on("data", (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= size) enough.fire();
    });
    stream.on("end", () => enough.fire());
    await within(enough.promise, 10_000, `${size} bytes`);
    return Buffer.concat(pieces);
  };

  test("the server says that it can", () => {
    assert.equal(asker.session.remoteSettings.enableConnectProtocol, true);
  });

  test("bytes go both ways, also those that did not wait", async () => {
    const stream = open("/echo");
    const sent = randomBytes(1_000_000);
    stream.write(sent.subarray(0, 10));
    const fields = await answered(stream);
    assert.deepEqual([fields[":status"], fields["sec-websocket-protocol"]], [200, "chat"]);
    assert.equal(fields["sec-websocket-accept"], undefined);
    assert.equal(fields["upgrade"], undefined);
    stream.write(sent.subarray(10));
    const back = await within(received(stream, sent.length), 10_000, "all bytes");
    assert.equal(back.equals(sent), true);
    stream.close();
  });

  test("ten at once, with requests between them", async () => {
    const streams = Array.from({ length: 10 }, () => open("/echo"));
    await Promise.all(streams.map(answered));
    for (const [n, stream] of streams.entries()) stream.write(`tunnel ${n}`);
    assert.equal(String((await asker.ask()).body), "no tunnel");
    const all = await Promise.all(streams.map(async (stream) => String(await received(stream, 8))));
    assert.deepEqual(
      all,
      streams.map((_, n) => `tunnel ${n}`),
    );
    for (const stream of streams) stream.close();
  });

  test("either side may end it", async () => {
    const stream = open("/quiet");
    await answered(stream);
    const gone = signal();
    far.on("end", () => gone.fire());
    stream.end("last words");
    const [words] = (await within(once(far, "data"), 5000, "the last words")) as [Buffer];
    assert.equal(String(words), "last words");
    await within(gone.promise, 5000, "the client's end");

    const other = open("/quiet");
    await answered(other);
    far.end("bye");
    assert.equal(String(await within(received(other, 1000), 5000, "the end")), "bye");
    other.end();
    await within(once(other, "close"), 5000, "the end of the stream");
    assert.equal(other.rstCode, 0);
  });

  test("who leaves one lets the backend know", async () => {
    const stream = open("/quiet");
    await answered(stream);
    const ended = once(far, "end");
    far.resume();
    stream.close(8);
    await within(ended, 5000, "the end of the backend's connection");
  });

  test("a slow client slows the backend down", async () => {
    const stream = open("/quiet");
    await answered(stream);
    const piece = Buffer.alloc(65_536, "x");
    let sent = 0;
    while (far.write(piece) || far.writableLength < 4_000_000) {
      sent += piece.length;
      if (sent > 200_000_000) assert.fail("nobody was ever told to wait");
    }
    await eventually("the others to go on", async () => (await asker.ask()).status === 200);
    assert.ok(far.writableLength > 0);
    stream.close(8);
  });

  test("refusals come through, and nothing that looks like a tunnel and is none", async () => {
    const forbidden = await asker.answer(open("/forbidden").end());
    assert.deepEqual([forbidden.status, forbidden.fields["x-why"]], [403, "because"]);
    for (const path of ["/ignored", "/wrong"]) {
      const answer = await asker.answer(open(path));
      assert.equal(answer.status, 502, path);
    }
    assert.equal((await asker.answer(open("/echo", "connect-udp"))).status, 501);
    assert.equal(String((await asker.ask()).body), "no tunnel");
  });

  test("a stop grants tunnels what it grants them", async () => {
    await using other = await startTidegate({
      config: {
        ...{ listeners: { plain }, routes: { "ws.test": backend.url } },
        shutdown: { grace: "10s", tunnelGrace: "500ms" },
      },
    });
    await using own = await askHttp2(`http://127.0.0.1:${other.port("plain")}`, "ws.test");
    const stream = own.session.request(
      {
        ...{ ":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":path": "/echo" },
        ":authority": "ws.test",
      },
      { endStream: false },
    );
    await answered(stream);
    const began = Date.now();
    other.signal("SIGTERM");
    stream.write("still here");
    assert.equal(String(await received(stream, 10)), "still here");
    assert.equal((await within(other.exited, 10_000, "the end")).code, 0);
    assert.ok(Date.now() - began >= 500);
  });
});
