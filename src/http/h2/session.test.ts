import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { connect, TLSSocket } from "node:tls";
import { certificates } from "../../../test/harness/certificates.ts";
import { type Pair, sessionOn, sessionPair } from "../../../test/harness/session-pair.ts";
import { socketPair, StreamNotes, until } from "../../../test/harness/session-pair.ts";
import { Random } from "../../../test/fuzz/random.ts";
import { Wheel } from "../../lib/wheel.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";
import type { Session } from "./session.ts";
import type { Stream } from "./stream.ts";

const get = (path: string) => (encoder: HpackEncoder) => {
  encoder.field(":method", "GET");
  encoder.field(":scheme", "http");
  encoder.field(":authority", "example.com");
  encoder.field(":path", path);
};

const ok = (encoder: HpackEncoder) => {
  encoder.field(":status", "200");
  encoder.line("Content-Type: text/plain");
};

test("requests, answers, bodies and trailers go both ways, and nothing is left", async () => {
  await using pair = await sessionPair();
  const { client, server } = pair;
  server.notes.answer = (stream, fields) => {
    stream.sendFields(ok, false);
    stream.sendText(`you asked ${/:path: (.*)/.exec(fields)![1]!}`);
    stream.sendEnd();
  };
  const asked = Array.from({ length: 50 }, (_, at) => {
    const notes = new StreamNotes();
    assert.ok(client.session.request(notes, get(`/${at}`), true));
    return notes;
  });
  await until(() => asked.every((each) => each.isEnded));
  for (const [at, each] of asked.entries()) {
    assert.equal(each.body, `you asked /${at}`);
    assert.deepEqual(each.sections, [":status: 200\ncontent-type: text/plain"]);
    assert.ok(each.isSent);
    assert.equal(each.reset, undefined);
  }
  await until(() => server.session.streamCount === 0);
  assert.equal(client.session.streamCount, 0);
  assert.equal(server.notes.idle, 1);
  assert.equal(client.notes.idle, 1);
  assert.equal(client.notes.settings, 1);
  assert.ok(client.session.isConnectAllowed);
  assert.equal(client.session.peerMaxStreams, 128);
});

test("large bodies go both ways at once, under windows that are opened as they are used", async () => {
  await using pair = await sessionPair();
  const { client, server } = pair;
  const size = 3_000_000;
  const bytes = Buffer.alloc(size, "x");
  server.notes.isCounting = true;
  server.notes.answer = (stream) => {
    stream.expectedBytes = size;
    stream.sendFields(ok, false);
    stream.sendData(bytes, 0, size);
    stream.sendFields((encoder) => encoder.field("checksum", "17"), true);
  };
  const asked = Array.from({ length: 4 }, () => {
    const notes = new StreamNotes(undefined, true);
    const stream = client.session.request(notes, get("/"), false);
    stream!.sendData(bytes, 0, size);
    assert.ok(stream!.isBacklogged);
    stream!.sendEnd();
    return notes;
  });
  await until(() => asked.every((each) => each.isEnded));
  await until(() => server.session.streamCount === 0);
  for (const each of asked) {
    assert.equal(each.bytes, size);
    assert.equal(each.sections[1], "checksum: 17");
    assert.equal(each.writable, 1);
  }
  for (const { notes } of server.notes.requests) assert.equal(notes.bytes, size);
});

test("no byte is changed on its way, in the clear, over TLS, and by readers that stop now and then", async () => {
  for (const isSecure of [false, true]) {
    await using pair = isSecure ? await securePair() : await sessionPair();
    const { client, server } = pair;
    server.notes.answer = (stream, _fields, notes) => {
      stream.sendFields(ok, false);
      // An echo, with all the pressure back that there is.
      notes.onData = (buffer, start, end) => {
        stream.sendData(buffer, start, end);
        if (stream.isBacklogged) stream.pause();
      };
      notes.onWritable = () => stream.resume();
      notes.onEnd = () => stream.sendEnd();
    };
    const asked = Array.from({ length: 6 }, (_, index) => new Sending(client.session, index));
    for (let round = 0; round < 20; round++) {
      client.socket.pause();
      await new Promise((done) => setTimeout(done, 1));
      client.socket.resume();
      await new Promise((done) => setTimeout(done, 1));
    }
    await until(() => asked.every((each) => each.isEnded));
    for (const each of asked) {
      assert.equal(each.received.digest("hex"), each.sent.digest("hex"));
      assert.equal(each.reset, undefined);
    }
    await until(() => server.session.streamCount === 0);
  }
});

/** Sends two megabytes that nobody else sends, in pieces of all sizes. */
class Sending extends StreamNotes {
  readonly sent = createHash("sha1");
  readonly received = createHash("sha1");
  readonly #stream: Stream;
  readonly #random: Random;
  #left = 2_000_000;

  constructor(session: Session, index: number) {
    super(undefined, true);
    this.#random = new Random(index);
    this.#stream = session.request(this, get("/"), false)!;
    this.onWritable();
  }

  override onWritable(): void {
    while (this.#left > 0) {
      const size = Math.min(this.#left, 1 + this.#random.below(this.#random.below(3) * 30_000 + 9));
      const bytes = Buffer.alloc(size);
      for (let at = 0; at < size; at += 1 + (size >> 6)) bytes[at] = this.#random.below(256);
      this.sent.update(bytes);
      this.#stream.sendData(bytes, 0, size);
      this.#left -= size;
      if (this.#stream.isBacklogged) return;
    }
    this.#stream.sendEnd();
  }

  override onData(buffer: Buffer, start: number, end: number): void {
    this.received.update(buffer.subarray(start, end));
  }
}

async function securePair(): Promise<Pair> {
  const { key, cert } = await certificates();
  const [near, far] = await socketPair();
  const wheel = new Wheel(10);
  const secured = new TLSSocket(far, { isServer: true, key, cert });
  const own = connect({ socket: near, rejectUnauthorized: false });
  await once(own, "secureConnect");
  const client = sessionOn(own, "client", wheel);
  const server = sessionOn(secured, "server", wheel);
  const close = async () => {
    client.session.close(0);
    server.session.close(0);
    await until(() => own.destroyed && secured.destroyed);
  };
  return { client, server, wheel, [Symbol.asyncDispose]: close };
}
