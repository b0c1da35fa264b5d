import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, frameTypes, uint32 } from "../../../test/harness/h2-frames.ts";
import { sessionPair, StreamNotes, until } from "../../../test/harness/session-pair.ts";
import { ask, opening, pingBytes, rawPair } from "../../../test/harness/session-raw.ts";
import { http2Limits } from "../../config/http2-limits.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";
import type { Stream } from "./stream.ts";

const { PING, GOAWAY, SETTINGS, RST_STREAM, HEADERS } = frameTypes;
const get = (encoder: HpackEncoder) => encoder.field(":method", "GET");
const ok = (encoder: HpackEncoder) => encoder.field(":status", "200");
const windowUpdate = (id: number) => frame(frameTypes.WINDOW_UPDATE, 0, id, uint32(1 << 30));

function answer(stream: Stream): void {
  stream.sendFields(ok, false);
  stream.sendText("here");
  stream.sendEnd();
}

test("a drained server answers what is open and what comes before it is heard, then closes", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  raw.send(opening("client"), ask(1));
  await until(() => own.notes.requests.length === 1);
  own.session.drain();
  assert.ok(own.session.isClosing);
  await until(() => raw.count("GOAWAY") === 1 && raw.count("PING") === 1);
  const goaway = () => raw.frames.findLast((each) => each.type === GOAWAY)!.payload.readUInt32BE(0);
  assert.equal(goaway(), 0x7fffffff);
  // Sent before it was heard; then the answer to its PING, and one too late.
  const ping = raw.frames.find((each) => each.type === PING)!;
  raw.send(ask(3), frame(PING, 1, 0, ping.payload), ask(5));
  await until(() => raw.count("GOAWAY") === 2);
  assert.equal(goaway(), 3);
  await until(() => raw.ends.includes("RST_STREAM 5 REFUSED_STREAM"));
  assert.equal(own.notes.requests.length, 2);
  for (const { stream } of own.notes.requests) answer(stream);
  await until(() => raw.isEnded);
  assert.equal(raw.count("DATA"), 2);
  assert.equal(raw.ends.at(-1), "GOAWAY NO_ERROR");
  // What was refused since is not said to have been looked at (RFC 9113 section 6.8).
  assert.equal(goaway(), 3);
  assert.ok(own.notes.isClosed);
  assert.deepEqual(own.notes.faults, []);
  raw.socket.end();
  await until(() => own.socket.destroyed && pair.wheel.size === 0);
});

test("a drained server does not wait long for a PING that nobody answers", async () => {
  await using pair = await rawPair("server");
  pair.raw.send(opening("client"));
  await until(() => pair.own.notes.settings === 1);
  const begin = performance.now();
  pair.own.session.drain();
  await until(() => pair.raw.isEnded);
  assert.ok(performance.now() - begin >= 900);
});

test("the last answer reaches a reader that takes nothing for longer than a connection lingers", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  raw.send(opening("client"), ask(1), windowUpdate(0), windowUpdate(1));
  await until(() => own.notes.requests.length === 1);
  raw.socket.pause();
  const { stream, notes } = own.notes.requests[0]!;
  stream.sendFields(ok, false);
  const block = Buffer.alloc(16_384, "x");
  let sent = 0;
  for (; own.socket.writableLength === 0; sent += block.length) {
    stream.sendData(block, 0, block.length);
    await new Promise((done) => setImmediate(done));
  }
  stream.sendEnd();
  await until(() => notes.isSent);
  own.session.close(0);
  await new Promise((done) => setTimeout(done, http2Limits.lingerTime + 200));
  raw.socket.resume();
  await until(() => raw.isEnded);
  const data = raw.frames.filter(({ type }) => type === frameTypes.DATA);
  assert.equal(
    data.reduce((sum, { payload }) => sum + payload.length, 0),
    sent,
  );
  assert.equal(raw.ends.at(-1), "GOAWAY NO_ERROR");
});

test("a drained client begins nothing more", async () => {
  await using pair = await sessionPair();
  const { client, server } = pair;
  const notes = new StreamNotes();
  client.session.request(notes, get, true);
  client.session.drain();
  assert.equal(client.session.request(new StreamNotes(), get, true), undefined);
  await until(() => server.notes.requests.length === 1);
  answer(server.notes.requests[0]!.stream);
  await until(() => client.notes.isClosed && server.notes.isClosed);
  assert.equal(notes.body, "here");
});

test("what a server's GOAWAY leaves out, and what it refuses, is untouched", async () => {
  await using pair = await rawPair("client");
  const { raw, own } = pair;
  const asked = [1, 3, 5, 7].map(() => {
    const notes = new StreamNotes();
    own.session.request(notes, get, true);
    return notes;
  });
  await until(() => raw.count("HEADERS") === 4);
  raw.send(
    opening("server"),
    frame(RST_STREAM, 0, 1, uint32(7)),
    frame(RST_STREAM, 0, 3, uint32(2)),
  );
  raw.send(frame(GOAWAY, 0, 0, Buffer.concat([uint32(5), uint32(0)])));
  await until(() => own.notes.goaway !== undefined);
  assert.deepEqual(own.notes.goaway, { last: 5, code: 0 });
  assert.deepEqual(
    asked.map(({ reset }) => reset),
    [
      { code: 7, isUntouched: true },
      { code: 2, isUntouched: false },
      undefined,
      { code: 7, isUntouched: true },
    ],
  );
  assert.ok(own.session.isClosing && !own.session.isClosed);
  raw.send(frame(HEADERS, 5, 5, Buffer.from([0x88])));
  await until(() => asked[2]!.isEnded && own.notes.isClosed);
});

test("no more streams are begun than the peer grants", async () => {
  await using pair = await rawPair("client");
  const { raw, own } = pair;
  assert.equal(own.session.peerMaxStreams, 100);
  raw.send(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 3]), uint32(1)])));
  await until(() => own.notes.settings === 1);
  assert.ok(own.session.request(new StreamNotes(), get, true));
  assert.equal(own.session.request(new StreamNotes(), get, true), undefined);
});

test("a PING is answered to who asked, in order", async () => {
  await using pair = await sessionPair();
  const told: number[] = [];
  for (const at of [1, 2, 3]) pair.client.session.ping(() => told.push(at));
  await until(() => told.length === 3);
  assert.deepEqual(told, [1, 2, 3]);
});

test("users may end streams and the connection from within any call", async () => {
  const calls = ["onRequest", "onData", "onFlush", "onEnd", "onSent", "onWritable"] as const;
  for (const call of calls) {
    for (const end of ["reset", "close"] as const) {
      await using pair = await sessionPair();
      const { client, server } = pair;
      let isDone = false;
      server.notes.isCounting = true;
      server.notes.answer = (stream, _fields, notes) => {
        const act = () => {
          if (end === "reset") stream.reset(8);
          else server.session.close(2);
          isDone = true;
        };
        if (call === "onRequest") return act();
        notes[call] = act;
        stream.sendFields(ok, false);
        stream.sendData(Buffer.alloc(200_000), 0, 200_000);
        assert.ok(stream.isBacklogged);
        stream.sendEnd();
      };
      const notes = new StreamNotes(undefined, true);
      const stream = client.session.request(notes, get, false);
      stream!.sendData(Buffer.alloc(100_000), 0, 100_000);
      stream!.sendEnd();
      await until(() => isDone, `${end} in ${call}`);
      await until(() => server.session.streamCount === 0 && client.session.streamCount === 0);
      assert.equal(server.session.isClosed, end === "close");
    }
  }
});

test("whoever closes is closed once, whatever comes behind", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  raw.send(opening("client"), ask(1, false));
  await until(() => own.notes.requests.length === 1);
  own.session.close(0);
  own.session.close(1);
  own.session.drain();
  own.session.ping(() => assert.fail("nobody answers"));
  const { stream, notes } = own.notes.requests[0]!;
  assert.deepEqual(notes.reset, { code: 8, isUntouched: false });
  stream.sendText("too late");
  stream.sendEnd();
  stream.reset(1);
  raw.send(ask(3), frame(PING, 0, 0, pingBytes));
  await until(() => raw.isEnded);
  assert.deepEqual(raw.ends, ["GOAWAY NO_ERROR"]);
  assert.equal(raw.count("DATA") + raw.count("PING"), 0);
});
