// Claim: both ends of a small HTTP/2 exchange together cost less than 10 µs of CPU in clear text with 10 streams, system
// calls included, and a body of 1 MB moves at more than 1 GB/s. `node bench/h2-session.ts` prints medians; it takes some seconds.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Session, type SessionUser } from "../src/http/h2/session.ts";
import type { HpackEncoder } from "../src/http/h2/hpack-encoder.ts";
import type { Stream, StreamUser } from "../src/http/h2/stream.ts";
import { Wheel } from "../src/lib/wheel.ts";

const settings = {
  ...{ maxStreams: 128, headBytes: 16_384, headerCount: 100, headTimeout: 30_000 },
  ...{ bufferBytes: 65_536, windowBytes: 1024 * 1024 },
};
const wheel = new Wheel(100);
const nothing = () => {};
const quiet = {
  ...{ onFields: nothing, onData: nothing, onEnd: nothing, onFlush: nothing },
  ...{ onWritable: nothing, onSent: nothing, onReset: nothing },
};
const body = Buffer.alloc(64 * 1024, "x");

/** Answers with so many bytes, 64 kB at a time as a backend would. */
class Answer implements StreamUser {
  readonly #stream: Stream;
  #left: number;

  constructor(stream: Stream, bytes: number) {
    this.#stream = stream;
    this.#left = bytes;
    stream.sendFields(encodeAnswer, false);
    this.onWritable();
  }

  onWritable(): void {
    while (this.#left > 0 && !this.#stream.isBacklogged) {
      const size = Math.min(this.#left, body.length);
      this.#left -= size;
      this.#stream.sendData(body, 0, size);
    }
    if (this.#left === 0) this.#stream.sendEnd();
  }

  onFields = nothing;
  onData = nothing;
  onEnd = nothing;
  onFlush = nothing;
  onSent = nothing;
  onReset = nothing;
}

function encodeAnswer(encoder: HpackEncoder): void {
  encoder.field(":status", "200");
  encoder.line("Server: nginx");
  encoder.line("Content-Type: text/html; charset=utf-8");
  encoder.line("Content-Length: 100");
  encoder.line("Cache-Control: max-age=60");
}

function encodeRequest(encoder: HpackEncoder): void {
  encoder.field(":method", "GET");
  encoder.field(":scheme", "http");
  encoder.field(":authority", "www.example.com");
  encoder.field(":path", "/static/img/logo.png?v=12");
  encoder.field("user-agent", "h2load nghttp2/1.52.0");
  encoder.field("accept", "*/*");
}

function user(onRequest: (stream: Stream) => void): SessionUser {
  return {
    ...{ onRequest, onSettings: nothing, onGoaway: nothing, onIdle: nothing, onClosed: nothing },
    onFault: (fault) => {
      throw new Error(fault.why);
    },
  };
}

function attach(session: Session, socket: Socket): void {
  socket.on("drain", () => session.onDrain());
  socket.on("end", () => session.onEnd());
  socket.on("close", () => session.onClosed());
  session.start();
}

async function measure(streams: number, bytes: number, exchanges: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "h2-session-"));
  const path = join(folder, "socket");
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, "listening");
  const accepted = new Promise<Socket>((done) => server.once("connection", done));
  const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
  let client: Session | undefined;
  const near = connect({
    path,
    onread: {
      buffer: readBuffer,
      callback: (length: number) => {
        client?.onBytes(readBuffer, 0, length);
        return true;
      },
    },
  });
  const far = await accepted;
  const own = { role: "client", socket: near, wheel, settings, user: user(nothing) } as const;
  client = new Session(own);
  const answering = user((stream) => {
    if (bytes > 1000) {
      stream.user = new Answer(stream, bytes);
      return;
    }
    stream.user = quiet;
    stream.sendFields(encodeAnswer, false);
    stream.sendData(body, 0, bytes);
    stream.sendEnd();
  });
  const peer = new Session({ role: "server", socket: far, wheel, settings, user: answering });
  attach(client, near);
  attach(peer, far);
  far.on("data", (piece: Buffer) => peer.onBytes(piece, 0, piece.length));
  const results: number[] = [];
  for (let run = 0; run < 6; run++) {
    const before = process.cpuUsage();
    const begin = performance.now();
    await exchange(client, streams, exchanges);
    const used = process.cpuUsage(before);
    const wall = performance.now() - begin;
    if (run > 0) results.push((used.user + used.system) / exchanges);
    if (run === 5) {
      const cpu = results.toSorted((a, b) => a - b)[results.length >> 1]!;
      const rate = Math.round((exchanges / wall) * 1000);
      const flow = bytes > 1000 ? `, ${((rate * bytes) / 1e6).toFixed(0)} MB/s` : "";
      console.log(
        `${String(streams).padStart(3)} streams of ${bytes} bytes: ${cpu.toFixed(2)} µs CPU for both ends, ${rate} exchanges/s${flow}`,
      );
    }
  }
  client.close(0);
  peer.close(0);
  server.close();
  rmSync(folder, { recursive: true });
}

function exchange(client: Session, streams: number, exchanges: number): Promise<void> {
  return new Promise((done) => {
    let begun = 0;
    let ended = 0;
    const asking: StreamUser = {
      ...quiet,
      onEnd: () => {
        ended++;
        if (ended === exchanges) done();
        else if (begun < exchanges) ask();
      },
    };
    const ask = () => {
      begun++;
      if (client.request(asking, encodeRequest, true) === undefined) throw new Error("refused");
    };
    for (let at = 0; at < streams; at++) ask();
  });
}

await measure(1, 100, 20_000);
await measure(10, 100, 50_000);
await measure(100, 100, 100_000);
await measure(1, 1_000_000, 500);
await measure(100, 1_000_000, 500);
