// HPACK beside two other implementations: vectors that python3-hpack made (hpack-vectors.py), and nghttp2, at the other end of
// a real connection, for what changes from section to section.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import * as http2 from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Flag, FrameType, preface } from "../../../src/http/h2/codes.ts";
import { FieldSection } from "../../../src/http/h2/field-section.ts";
import { HpackDecoder } from "../../../src/http/h2/hpack-decoder.ts";
import { HpackEncoder } from "../../../src/http/h2/hpack-encoder.ts";
import { Random } from "../../fuzz/random.ts";
import { HpackOracle } from "../../harness/hpack-oracle.ts";

type Fields = [name: string, value: string][];

const section = new FieldSection();

function held(): Fields {
  return Array.from({ length: section.count }, (_, at) => [
    section.names[at] ?? "?",
    section.values[at] ?? "?",
  ]);
}

test("decodes what python3-hpack encodes, with every symbol, entry and size", () => {
  const text = readFileSync(join(import.meta.dirname, "hpack-vectors.jsonl"), "utf8");
  let sections = 0;
  for (const line of text.trim().split("\n")) {
    const decoder = new HpackDecoder(4096);
    // The oracle of the fuzzer is held to the same.
    const oracle = new HpackOracle(4096);
    for (const { wire, fields } of JSON.parse(line) as { wire: string; fields: Fields }[]) {
      const bytes = Buffer.from(wire, "hex");
      assert.ok(decoder.decode(bytes, 0, bytes.length, section, 1e6, 1000), wire);
      assert.deepEqual(held(), fields);
      assert.deepEqual(oracle.decode(bytes), fields);
      sections++;
    }
  }
  assert.ok(sections > 150, `${sections} sections`);
});

/** Fields that every implementation takes, some of them again and again. */
function randomFields(random: Random): Fields {
  const values = ["", "1", "text/html; charset=utf-8", "a".repeat(300), "~{}|^`".repeat(9)];
  return Array.from({ length: random.below(15) }, () => {
    const name = random.pick(["server", "x-a", "vary", "etag", "x-token", "via", "set-cookie"]);
    const fresh = random.below(1e6).toString(36).repeat(random.below(9));
    return [name, random.below(3) === 0 ? fresh : random.pick(values)];
  });
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Calls `told` with each whole frame of what comes on the socket. */
function readFrames(
  socket: Socket,
  skipped: number,
  told: (type: number, flags: number, stream: number, payload: Buffer) => void,
): void {
  let waiting: Buffer = Buffer.alloc(0);
  let rest = skipped;
  socket.on("data", (data: Buffer) => {
    waiting = Buffer.concat([waiting, data]);
    if (waiting.length < rest) return;
    waiting = waiting.subarray(rest);
    rest = 0;
    for (;;) {
      const end = waiting.length < 9 ? Infinity : 9 + waiting.readUIntBE(0, 3);
      if (waiting.length < end) return;
      const [type, flags, stream] = [waiting[3]!, waiting[4]!, waiting.readUInt32BE(5)];
      const payload = waiting.subarray(9, end);
      waiting = waiting.subarray(end);
      told(type, flags, stream, payload);
    }
  });
}

const sizes = [0, 100, 1000, 4096, 65_536];

for (const headerTableSize of sizes) {
  test(`nghttp2 decodes what we encode, with a table of ${headerTableSize} bytes`, async () => {
    const random = new Random(7541 + headerTableSize);
    const server = http2.createServer({ settings: { headerTableSize } });
    const received: Fields[] = [];
    server.on("stream", (stream, _headers, _flags, raw: string[]) => {
      const pairs: Fields = [];
      for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!]);
      received.push(pairs);
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    try {
      await once(socket, "connect");
      let answered = Promise.withResolvers<void>();
      const encoder = new HpackEncoder(4096);
      readFrames(socket, 0, (type, flags, _stream, payload) => {
        if (type === FrameType.GOAWAY) answered.reject(new Error(payload.toString("hex")));
        if (type === FrameType.HEADERS) answered.resolve();
        if (type !== FrameType.SETTINGS || flags === Flag.ACK) return;
        for (let at = 0; at < payload.length; at += 6) {
          if (payload.readUInt16BE(at) === 1) encoder.peerTableBytes = payload.readUInt32BE(at + 2);
        }
        socket.write(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
        answered.resolve();
      });
      socket.on("close", () => answered.reject(new Error("closed")));
      socket.write(preface);
      socket.write(frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(0)));
      await answered.promise;
      const sent: Fields[] = [];
      for (let index = 0; index < 300; index++) {
        answered = Promise.withResolvers();
        const fields = randomFields(random);
        const pseudo: Fields = [
          [":method", "GET"],
          [":scheme", "http"],
          [":authority", "a.test"],
          [":path", `/${index}`],
        ];
        encoder.begin();
        for (const [name, value] of pseudo) encoder.field(name, value);
        for (const [name, value] of fields) {
          if (random.below(2) === 0) encoder.field(name, value);
          else encoder.line(`${name.toUpperCase()}: ${value}`);
        }
        const block = encoder.bytes.subarray(0, encoder.length);
        const flags = Flag.END_STREAM | Flag.END_HEADERS;
        socket.write(frame(FrameType.HEADERS, flags, index * 2 + 1, block));
        sent.push([...pseudo, ...fields]);
        await answered.promise;
      }
      assert.deepEqual(received, sent);
    } finally {
      socket.destroy();
      server.close();
    }
  });
}

test("we decode what nghttp2 encodes", async () => {
  const random = new Random(7541);
  const decoder = new HpackDecoder(4096);
  const received: Fields[] = [];
  let problems = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(0)));
    readFrames(socket, preface.length, (type, flags, stream, payload) => {
      if (type === FrameType.SETTINGS && flags !== Flag.ACK) {
        socket.write(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
      }
      if (type !== FrameType.HEADERS) return;
      const start = (flags & Flag.PRIORITY) === 0 ? 0 : 5;
      if (!decoder.decode(payload, start, payload.length, section, 1e6, 1000)) problems++;
      received.push(held());
      const end = Flag.END_STREAM | Flag.END_HEADERS;
      socket.write(frame(FrameType.HEADERS, end, stream, Buffer.from([0x89])));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const sent: Fields[] = [];
    for (let index = 0; index < 300; index++) {
      // Its interface has an object of fields, so each comes once.
      const fields = Object.fromEntries(
        randomFields(random).map(([name, value]) => [`${name}-${random.below(3)}`, value]),
      );
      const pseudo = {
        ":method": "GET",
        ":scheme": "http",
        ":authority": "a.test",
        ":path": `/${index}`,
      };
      const secrets = Object.keys(fields).filter(() => random.below(5) === 0);
      const stream = session.request(
        { ...pseudo, ...fields, [http2.sensitiveHeaders]: secrets },
        { endStream: true },
      );
      sent.push([...Object.entries(pseudo), ...Object.entries(fields)]);
      await once(stream.resume(), "close");
    }
    assert.equal(problems, 0);
    assert.deepEqual(received, sent);
  } finally {
    session.destroy();
    server.close();
  }
});
