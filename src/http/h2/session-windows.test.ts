import assert from "node:assert/strict";
import { test } from "node:test";
import {
  flagBits,
  frame,
  frameTypes,
  settingsPayload,
  uint32,
} from "../../../test/harness/h2-frames.ts";
import { sessionPair, StreamNotes, until } from "../../../test/harness/session-pair.ts";
import { ask, opening, pingBytes, rawPair } from "../../../test/harness/session-raw.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { windowBytesTaken } from "./window-budget.ts";

const { DATA, SETTINGS, PING, WINDOW_UPDATE, RST_STREAM } = frameTypes;
const { END_STREAM } = flagBits;
const get = (encoder: HpackEncoder) => encoder.field(":method", "GET");
const ok = (encoder: HpackEncoder) => encoder.field(":status", "200");
const block = Buffer.alloc(16_384, "x");

test("a paused stream gets no more than its window, and others go on", async () => {
  await using pair = await sessionPair();
  const { client, server } = pair;
  const asked = ["slow", "quick"].map(() => {
    const notes = new StreamNotes(undefined, true);
    return { notes, stream: client.session.request(notes, get, false)! };
  });
  server.notes.isCounting = true;
  server.notes.answer = (stream) => {
    if (stream.id === 1) stream.pause();
  };
  for (const { stream } of asked) {
    for (let sent = 0; sent < 600_000; sent += block.length)
      stream.sendData(block, 0, block.length);
    stream.sendEnd();
  }
  const [slow, quick] = [() => server.notes.requests[0]!, () => server.notes.requests[1]!];
  await until(() => server.notes.requests[1]?.notes.isEnded === true);
  assert.equal(slow().notes.bytes, 65_535);
  assert.ok(quick().notes.bytes >= 600_000);
  slow().stream.resume();
  await until(() => slow().notes.isEnded);
  assert.equal(slow().notes.bytes, quick().notes.bytes);
});

test("more than a window is a fault: of the stream, or of the connection", async () => {
  await using pair = await rawPair("server", { windowBytes: 65_536 });
  const { raw, own } = pair;
  own.notes.isCounting = true;
  own.notes.answer = (stream) => stream.pause();
  raw.send(opening("client"), ask(1, false), ask(3, false));
  raw.send(frame(DATA, 0, 1, block), frame(DATA, 0, 1, block), frame(DATA, 0, 1, block));
  raw.send(frame(DATA, 0, 1, block), frame(PING, 0, 0, pingBytes));
  await until(() => raw.count("PING") > 0);
  assert.deepEqual(raw.ends, ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
  assert.deepEqual(own.notes.requests[0]!.notes.reset, { code: 3, isUntouched: false });
  // What paused streams hold is not replaced without end: the connection's own window closes.
  const more = Array.from({ length: 20 }, (_, at) => ask(5 + 2 * at, false));
  const data = Array.from({ length: 60 }, (_, at) => frame(DATA, 0, 5 + 2 * (at % 20), block));
  raw.send(...more, ...data);
  await until(() => raw.isEnded);
  assert.equal(raw.ends.at(-1), "GOAWAY FLOW_CONTROL_ERROR");
});

test("what comes for a stream that was reset is dropped, within its window, and given back to the others", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  own.notes.answer = (stream) => stream.reset(8);
  raw.send(opening("client"), ask(1, false), frame(DATA, 0, 1, block), frame(DATA, 0, 1, block));
  raw.send(frame(PING, 0, 0, pingBytes));
  await until(() => raw.count("PING") > 0);
  assert.deepEqual(raw.ends, ["RST_STREAM 1 CANCEL"]);
  const granted = raw.frames.filter((each) => each.type === WINDOW_UPDATE);
  assert.deepEqual(
    granted.map((each) => each.stream),
    [0],
  );
  raw.send(frame(DATA, 0, 1, block), frame(DATA, 0, 1, block));
  await until(() => raw.isEnded);
  assert.equal(raw.ends[1], "GOAWAY STREAM_CLOSED");
});

test("windows grow where they hold the peer up, within the budget, and give it back", async () => {
  await using pair = await rawPair("server", { windowBytes: 300_000 });
  const { raw, own } = pair;
  own.notes.isCounting = true;
  raw.send(opening("client"), ask(1, false));
  // A peer that is held up sends exactly what it may.
  let left = 65_535;
  let seen = 0;
  for (let round = 0; round < 12; round++) {
    for (; left > 0; left -= Math.min(left, 16_384))
      raw.send(frame(DATA, 0, 1, block.subarray(0, Math.min(left, 16_384))));
    const before = seen;
    await until(() =>
      raw.frames.slice(before).some((each) => each.type === WINDOW_UPDATE && each.stream === 1),
    );
    await new Promise((done) => setTimeout(done, 5));
    for (const each of raw.frames.slice(seen))
      if (each.type === WINDOW_UPDATE && each.stream === 1) left += each.payload.readUInt32BE(0);
    seen = raw.frames.length;
  }
  assert.equal(windowBytesTaken(), 3 * 65_535, "doubled twice; once more was beyond the budget");
  own.session.close(0);
  assert.equal(windowBytesTaken(), 0);
});

test("a sender that is held up is told from one that is not", () => {
  const window = new ReceiveWindow();
  for (let at = 0; at < 3; at++) window.take(16_384);
  assert.ok(window.isDue || !window.isTight);
  window.giveBack(49_152);
  assert.ok(window.isDue);
  assert.equal(window.grant(), 49_152);
  assert.equal(window.isTight, false);
  // Up to the limit that held before it could have heard of more.
  window.take(16_383);
  assert.ok(window.isTight);
  assert.ok(!window.take(80_000));
});

test("the peer's windows hold back what is sent, those of SETTINGS too", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  raw.send(opening("client"), frame(SETTINGS, 0, 0, settingsPayload([[4, 10]])), ask(1), ask(3));
  await until(() => own.notes.requests.length === 2);
  const [first, second] = own.notes.requests;
  for (const { stream } of own.notes.requests) {
    stream.sendFields(ok, false);
    stream.sendText("0123456789abcdef");
    stream.sendEnd();
  }
  const body = (id: number) =>
    raw.frames
      .filter((each) => each.type === DATA && each.stream === id)
      .map((each) => each.payload.toString("latin1"))
      .join("|");
  await until(() => body(1) === "0123456789" && body(3) === "0123456789");
  assert.ok(!first!.notes.isSent);
  assert.equal(first!.stream.waitingBytes, 6);
  // Less than nothing for a while: what is opened first fills that up.
  raw.send(frame(SETTINGS, 0, 0, settingsPayload([[4, 5]])), frame(WINDOW_UPDATE, 0, 1, uint32(6)));
  await until(() => body(1) === "0123456789|a");
  raw.send(frame(SETTINGS, 0, 0, settingsPayload([[4, 100]])));
  await until(() => body(1) === "0123456789|a|bcdef" && body(3) === "0123456789|abcdef");
  await until(() => first!.notes.isSent && second!.notes.isSent);
  assert.equal(own.session.streamCount, 0);
  const last = raw.frames.findLast((each) => each.type === DATA);
  assert.equal(last!.flags, END_STREAM);
});

test("bodies take turns, urgent ones go first, and small answers wait for nobody", async () => {
  await using pair = await rawPair("server", { bufferBytes: 1_000_000 });
  const { raw, own } = pair;
  raw.send(opening("client"), frame(SETTINGS, 0, 0, settingsPayload([[4, 1_000_000]])));
  raw.send(ask(1), ask(3), ask(5), ask(7));
  await until(() => own.notes.requests.length === 4);
  // The connection's window, 65535 bytes, goes to who asks first.
  const streams = own.notes.requests.map(({ stream }) => stream);
  for (const stream of streams) {
    stream.sendFields(ok, false);
    if (stream.id === 7) stream.prioritise("u=1");
    for (let at = 0; at < 8; at++) stream.sendData(block, 0, block.length);
    stream.sendEnd();
  }
  await until(() => raw.count("HEADERS") === 4);
  const seen = raw.frames.length;
  raw.send(frame(WINDOW_UPDATE, 0, 0, uint32(600_000)));
  await until(() => streams.every((each) => each.isClosed));
  await until(
    () => raw.frames.filter((each) => each.flags === END_STREAM && each.type === DATA).length === 4,
  );
  const order = raw.frames.slice(seen).flatMap((each) => (each.type === DATA ? [each.stream] : []));
  assert.deepEqual(new Set(order.slice(0, 8)), new Set([7]), "the urgent one");
  assert.deepEqual(new Set(order.slice(8, 11)), new Set([1, 3, 5]), "then one frame of each");
});

test("a reset drops what waits, and a connection that ends leaves nothing", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  raw.send(opening("client"), ask(1), ask(3), ask(5, false));
  await until(() => own.notes.requests.length === 3);
  const [one, three, five] = own.notes.requests;
  for (const { stream } of [one!, three!]) {
    stream.sendFields(ok, false);
    for (let at = 0; at < 10; at++) stream.sendData(block, 0, block.length);
    assert.ok(stream.isBacklogged);
  }
  raw.send(frame(RST_STREAM, 0, 1, uint32(8)));
  await until(() => one!.notes.reset !== undefined);
  assert.equal(one!.stream.waitingBytes, 0);
  raw.socket.destroy();
  await until(() => own.notes.isClosed);
  assert.deepEqual(three!.notes.reset, { code: 8, isUntouched: false });
  assert.deepEqual(five!.notes.reset, { code: 8, isUntouched: false });
  assert.equal(own.session.streamCount, 0);
  assert.equal(three!.stream.waitingBytes, 0);
  await until(() => pair.wheel.size === 0);
});

test("what paused streams hold is given back when they are reset", async () => {
  await using pair = await rawPair("server", { windowBytes: 65_536 });
  const { raw, own } = pair;
  own.notes.isCounting = true;
  own.notes.answer = (stream) => stream.pause();
  raw.send(opening("client"));
  // Two windows of the connection are full: one was given back, one is held.
  for (const id of [1, 3, 5, 7])
    raw.send(ask(id, false), frame(DATA, 0, id, block), frame(DATA, 0, id, block));
  await until(() => own.notes.requests.length === 4);
  raw.send(frame(PING, 0, 0, pingBytes));
  await until(() => raw.count("PING") > 0 || raw.isEnded);
  assert.deepEqual(raw.ends, []);
  const granted = () =>
    raw.frames
      .filter((each) => each.type === WINDOW_UPDATE && each.stream === 0)
      .reduce((sum, each) => sum + each.payload.readUInt32BE(0), 65_535);
  const before = granted();
  assert.ok(before - 8 * block.length < 16_384, "little is left of it");
  for (const { stream } of own.notes.requests) stream.reset(8);
  await until(() => granted() - before >= 3 * block.length);
});

test("what paused streams hold leaves the others a window that opens again and again", async () => {
  await using pair = await rawPair("server", { windowBytes: 65_536 });
  const { raw, own } = pair;
  own.notes.isCounting = true;
  own.notes.answer = (stream) => {
    if (stream.id < 7) stream.pause();
  };
  raw.send(opening("client"), ...[1, 3, 5, 7].map((id) => ask(id, false)));
  await until(() => own.notes.requests.length === 4);
  const [first, second, third, last] = own.notes.requests.map(({ notes }) => notes);
  // The first holds as much as is given back at once; for what the next two hold the window stays smaller, by 48,000.
  const send = async (id: number, bytes: number, notes: StreamNotes) => {
    const before = notes.bytes;
    raw.send(frame(DATA, 0, id, block.subarray(0, bytes)));
    await until(() => notes.bytes === before + bytes);
    await new Promise((done) => setTimeout(done, 5));
  };
  for (const bytes of [16_384, 16_384, 16_384, 16_383]) await send(1, bytes, first!);
  for (const bytes of [16_000, 16_000]) await send(3, bytes, second!);
  await send(5, 16_000, third!);
  for (let sent = 0; sent < 60_000; sent += 6000) await send(7, 6000, last!);
  assert.deepEqual(raw.ends, []);
});

test("a stream that was refused may still bring what was on its way", async () => {
  await using pair = await rawPair("server", { maxStreams: 1 });
  const { raw, own } = pair;
  // How much we may send has nothing to do with it.
  const shut = frame(SETTINGS, 0, 0, settingsPayload([[4, 0]]));
  raw.send(opening("client"), shut, ask(1, false), ask(3, false));
  raw.send(frame(DATA, 0, 3, block), frame(DATA, END_STREAM, 3, block));
  raw.send(frame(PING, 0, 0, pingBytes));
  await until(() => raw.count("PING") > 0);
  assert.deepEqual(raw.ends, ["RST_STREAM 3 REFUSED_STREAM"]);
  assert.deepEqual(own.notes.faults, []);
});

test("a table that shrinks and grows again within one frame is empty in between", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  const settings = settingsPayload([
    [1, 0],
    [1, 4096],
  ]);
  raw.send(opening("client"), frame(SETTINGS, 0, 0, settings), ask(1));
  await until(() => own.notes.requests.length === 1);
  own.notes.requests[0]!.stream.sendFields(ok, true);
  await until(() => raw.count("HEADERS") === 1);
  const [head] = raw.frames.filter(({ type }) => type === frameTypes.HEADERS);
  // Both sizes, then ":status: 200" (RFC 7541 section 4.2).
  assert.equal(head!.payload.toString("hex"), "203fe11f88");
});

test("streams that were given more and then stop leave something for the one that is read", async () => {
  await using pair = await sessionPair({ windowBytes: 256 * 1024 });
  const { client, server } = pair;
  server.notes.answer = (stream) => {
    stream.sendFields(ok, false);
    for (let sent = 0; sent < 64; sent++) stream.sendData(block, 0, block.length);
    stream.sendEnd();
  };
  const begin = () => {
    const notes = new StreamNotes(undefined, true);
    return { notes, stream: client.session.request(notes, get, true)! };
  };
  const greedy = begin();
  greedy.notes.onData = (_, start, end) => {
    greedy.notes.bytes += end - start;
    if (greedy.notes.bytes >= 700_000) greedy.stream.pause();
  };
  await until(() => greedy.stream.isPaused && windowBytesTaken() > 0);
  // As many as two windows of the connection have room for, but for one.
  for (let count = 0; count < 6; count++) begin().stream.pause();
  const last = begin();
  await until(() => last.notes.isEnded);
  assert.equal(last.notes.bytes, 64 * block.length);
});
