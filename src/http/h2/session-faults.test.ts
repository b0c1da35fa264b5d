import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  flagBits,
  frame,
  frameTypes,
  settingsPayload,
  uint32,
} from "../../../test/harness/h2-frames.ts";
import { literal, section } from "../../../test/harness/h2-hpack.ts";
import { until } from "../../../test/harness/session-pair.ts";
import { ask, askFields, opening, pingBytes, rawPair } from "../../../test/harness/session-raw.ts";

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE } = frameTypes;
const { PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, PRIORITY_UPDATE } = frameTypes;
const { ACK, END_HEADERS, END_STREAM, PADDED } = flagBits;

/** What a client sends, and what comes of it besides our settings: "" = the connection goes on. */
const cases: readonly [name: string, bytes: Buffer[], ends: string][] = [
  ["DATA on stream 0", [frame(DATA, 0, 0)], "GOAWAY PROTOCOL_ERROR"],
  ["HEADERS on stream 0", [frame(HEADERS, END_HEADERS, 0, askFields)], "GOAWAY PROTOCOL_ERROR"],
  ["HEADERS on an even stream", [ask(2)], "GOAWAY PROTOCOL_ERROR"],
  ["a lower stream than before", [ask(5), ask(3)], "GOAWAY STREAM_CLOSED"],
  ["DATA on an idle stream", [frame(DATA, 0, 1)], "GOAWAY PROTOCOL_ERROR"],
  ["RST_STREAM on an idle stream", [frame(RST_STREAM, 0, 1, uint32(8))], "GOAWAY PROTOCOL_ERROR"],
  [
    "WINDOW_UPDATE of an idle stream",
    [frame(WINDOW_UPDATE, 0, 1, uint32(1))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  ["WINDOW_UPDATE by nothing", [frame(WINDOW_UPDATE, 0, 0, uint32(0))], "GOAWAY PROTOCOL_ERROR"],
  [
    "the same of a stream",
    [ask(1, false), frame(WINDOW_UPDATE, 0, 1, uint32(0))],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "a window beyond 2^31-1",
    [frame(WINDOW_UPDATE, 0, 0, uint32(0x7fffffff))],
    "GOAWAY FLOW_CONTROL_ERROR",
  ],
  [
    "the same of a stream",
    [ask(1, false), frame(WINDOW_UPDATE, 0, 1, uint32(0x7fffffff))],
    "RST_STREAM 1 FLOW_CONTROL_ERROR",
  ],
  ["SETTINGS on a stream", [frame(SETTINGS, 0, 1)], "GOAWAY PROTOCOL_ERROR"],
  ["SETTINGS of 5 bytes", [frame(SETTINGS, 0, 0, Buffer.alloc(5))], "GOAWAY FRAME_SIZE_ERROR"],
  [
    "an acknowledgement with content",
    [frame(SETTINGS, ACK, 0, Buffer.alloc(6))],
    "GOAWAY FRAME_SIZE_ERROR",
  ],
  ["ENABLE_PUSH 2", [frame(SETTINGS, 0, 0, settingsPayload([[2, 2]]))], "GOAWAY PROTOCOL_ERROR"],
  [
    "a window of 2^31",
    [frame(SETTINGS, 0, 0, settingsPayload([[4, 2 ** 31]]))],
    "GOAWAY FLOW_CONTROL_ERROR",
  ],
  [
    "MAX_FRAME_SIZE too small",
    [frame(SETTINGS, 0, 0, settingsPayload([[5, 16_383]]))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "MAX_FRAME_SIZE too large",
    [frame(SETTINGS, 0, 0, settingsPayload([[5, 2 ** 24]]))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "ENABLE_CONNECT_PROTOCOL 2",
    [frame(SETTINGS, 0, 0, settingsPayload([[8, 2]]))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "ENABLE_CONNECT_PROTOCOL taken back",
    [
      frame(
        SETTINGS,
        0,
        0,
        settingsPayload([
          [8, 1],
          [8, 0],
        ]),
      ),
    ],
    "GOAWAY PROTOCOL_ERROR",
  ],
  ["unknown settings", [frame(SETTINGS, 0, 0, settingsPayload([[99, 99]]))], ""],
  [
    "a larger window by SETTINGS that overflows a stream's",
    [
      ask(1, false),
      frame(WINDOW_UPDATE, 0, 1, uint32(0x7fff0000)),
      frame(SETTINGS, 0, 0, settingsPayload([[4, 0x7fffffff]])),
    ],
    "GOAWAY FLOW_CONTROL_ERROR",
  ],
  ["PING on a stream", [frame(PING, 0, 1, pingBytes)], "GOAWAY PROTOCOL_ERROR"],
  ["PING of 7 bytes", [frame(PING, 0, 0, Buffer.alloc(7))], "GOAWAY FRAME_SIZE_ERROR"],
  ["GOAWAY on a stream", [frame(GOAWAY, 0, 1, Buffer.alloc(8))], "GOAWAY PROTOCOL_ERROR"],
  [
    "RST_STREAM of 3 bytes",
    [ask(1, false), frame(RST_STREAM, 0, 1, Buffer.alloc(3))],
    "GOAWAY FRAME_SIZE_ERROR",
  ],
  [
    "WINDOW_UPDATE of 5 bytes",
    [frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(5))],
    "GOAWAY FRAME_SIZE_ERROR",
  ],
  [
    "PRIORITY of 4 bytes",
    [ask(1, false), frame(PRIORITY, 0, 1, Buffer.alloc(4))],
    "RST_STREAM 1 FRAME_SIZE_ERROR",
  ],
  ["PRIORITY of an idle stream", [frame(PRIORITY, 0, 7, Buffer.alloc(5))], ""],
  ["PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.alloc(4))], "GOAWAY PROTOCOL_ERROR"],
  [
    "PRIORITY_UPDATE on a stream",
    [frame(PRIORITY_UPDATE, 0, 1, Buffer.alloc(4))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "PRIORITY_UPDATE for stream 0",
    [frame(PRIORITY_UPDATE, 0, 0, Buffer.alloc(4))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "PRIORITY_UPDATE",
    [ask(1, false), frame(PRIORITY_UPDATE, 0, 0, Buffer.from("\0\0\0\x01u=1"))],
    "",
  ],
  ["an unknown frame", [frame(77, 255, 9, Buffer.alloc(300))], ""],
  [
    "an unknown frame within a field section",
    [frame(HEADERS, 0, 1, askFields), frame(77, 0, 1)],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "a frame of 16385 bytes",
    [ask(1, false), frame(DATA, 0, 1, Buffer.alloc(16_385))],
    "GOAWAY FRAME_SIZE_ERROR",
  ],
  [
    "a padding as long as its frame",
    [ask(1, false), frame(DATA, PADDED, 1, Buffer.from([4, 0, 0, 0]))],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "a padding of all but its length",
    [ask(1, false), frame(DATA, PADDED, 1, Buffer.from([3, 0, 0, 0]))],
    "",
  ],
  [
    "no room for the padding's length",
    [ask(1, false), frame(DATA, PADDED, 1)],
    "GOAWAY FRAME_SIZE_ERROR",
  ],
  ["CONTINUATION without HEADERS", [frame(CONTINUATION, END_HEADERS, 1)], "GOAWAY PROTOCOL_ERROR"],
  [
    "CONTINUATION of another stream",
    [frame(HEADERS, 0, 1, askFields), frame(CONTINUATION, END_HEADERS, 3)],
    "GOAWAY PROTOCOL_ERROR",
  ],
  [
    "a section in three frames",
    [
      frame(HEADERS, END_STREAM, 1, askFields.subarray(0, 5)),
      frame(CONTINUATION, 0, 1),
      frame(CONTINUATION, END_HEADERS, 1, askFields.subarray(5)),
    ],
    "",
  ],
  [
    "a section that cannot be decoded",
    [frame(HEADERS, END_HEADERS, 1, Buffer.from([0x80]))],
    "GOAWAY COMPRESSION_ERROR",
  ],
  [
    "a second section without an end",
    [ask(1, false), ask(1, false)],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  ["HEADERS behind an end", [ask(1), ask(1)], "RST_STREAM 1 STREAM_CLOSED"],
  ["DATA behind an end", [ask(1), frame(DATA, 0, 1)], "RST_STREAM 1 STREAM_CLOSED"],
  [
    "DATA behind the peer's own RST_STREAM",
    [ask(1, false), frame(RST_STREAM, 0, 1, uint32(8)), frame(DATA, 0, 1)],
    "GOAWAY STREAM_CLOSED",
  ],
  [
    "HEADERS and DATA on a stream that we have reset",
    [ask(1, false), ask(1, false), frame(DATA, 0, 1, Buffer.alloc(9)), ask(1)],
    "RST_STREAM 1 PROTOCOL_ERROR",
  ],
  [
    "RST_STREAM twice",
    [ask(1, false), frame(RST_STREAM, 0, 1, uint32(8)), frame(RST_STREAM, 0, 1, uint32(8))],
    "",
  ],
  [
    "trailers",
    [ask(1, false), frame(HEADERS, END_HEADERS | END_STREAM, 1, section([["a", "b"]]))],
    "",
  ],
  [
    "a table update that is too large",
    [frame(HEADERS, END_HEADERS, 1, Buffer.from([0x3f, 0xff, 0x7f]))],
    "GOAWAY COMPRESSION_ERROR",
  ],
  ["an unknown acknowledgement of a PING", [frame(PING, ACK, 0, pingBytes)], ""],
];

/** Sends it in such pieces; returns how it ended. A PING behind it is answered where the connection goes on. */
async function outcome(bytes: Buffer[], cut: number): Promise<string> {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  own.notes.isCounting = true;
  const all = Buffer.concat([opening("client"), ...bytes, frame(PING, 0, 0, pingBytes)]);
  if (cut > 0) {
    raw.send(all.subarray(0, cut));
    await new Promise((done) => setTimeout(done, 2));
  }
  raw.send(all.subarray(cut));
  await until(() => raw.count("PING") > 0 || raw.isEnded);
  return raw.ends.join(", ");
}

for (const [name, bytes, ends] of cases) {
  test(`of a client: ${name}`, async () => {
    assert.equal(await outcome(bytes, 0), ends);
    const length = opening("client").length + Buffer.concat(bytes).length;
    for (const cut of [30, 44, length - 3, length + 4])
      assert.equal(await outcome(bytes, cut), ends);
  });
}

test("a preface that is none, or that does not come, ends the connection", async () => {
  await using pair = await rawPair("server", { headTimeout: 30 });
  pair.raw.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await until(() => pair.raw.isEnded);
  assert.deepEqual(pair.raw.ends, ["GOAWAY PROTOCOL_ERROR"]);
  await using late = await rawPair("server", { headTimeout: 30 });
  await until(() => late.raw.isEnded);
  assert.equal(late.own.notes.faults[0]?.why, "no preface came in time");
  await using mute = await rawPair("server", { headTimeout: 30 });
  mute.raw.send(opening("client").subarray(0, 24 + 9));
  await until(() => mute.raw.isEnded);
  assert.deepEqual(mute.raw.ends, ["GOAWAY SETTINGS_TIMEOUT"]);
  await using first = await rawPair("server");
  first.raw.send(opening("client").subarray(0, 24), frame(PING, 0, 0, pingBytes));
  await until(() => first.raw.isEnded);
  assert.deepEqual(first.raw.ends, ["GOAWAY PROTOCOL_ERROR"]);
});

test("the rest of a head is waited for as long as a head may take", async () => {
  await using pair = await rawPair("server", { headTimeout: 50 });
  pair.raw.send(opening("client"), frame(HEADERS, 0, 1, askFields));
  await until(() => pair.raw.isEnded);
  assert.equal(pair.own.notes.faults[0]?.why, "the rest of a head did not come");
  assert.equal(pair.own.notes.requests.length, 0);
});

test("a line that always ends in the middle of a head, and not of the same one, is in time", async () => {
  await using pair = await rawPair("server", { headTimeout: 150 });
  const { raw, own } = pair;
  own.notes.answer = (stream) => stream.sendFields((to) => to.field(":status", "204"), true);
  raw.send(opening("client"));
  const cut = 15;
  raw.send(ask(1).subarray(0, cut));
  for (let id = 1; id <= 41; id += 2) {
    await pause(20);
    raw.send(Buffer.concat([ask(id).subarray(cut), ask(id + 2).subarray(0, cut)]));
  }
  await until(() => own.notes.requests.length === 21);
  assert.deepEqual(own.notes.faults, []);
});

test("content that is not as long as was promised resets the stream", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  own.notes.answer = (stream) => (stream.expectedBytes = 5);
  raw.send(opening("client"));
  raw.send(ask(1), ask(3, false), frame(DATA, 0, 3, Buffer.alloc(6)), ask(5, false));
  raw.send(frame(DATA, END_STREAM, 5, Buffer.alloc(4)), ask(7, false));
  raw.send(frame(DATA, END_STREAM, 7, Buffer.alloc(5)), ask(9, false));
  raw.send(frame(HEADERS, END_HEADERS | END_STREAM, 9, literal(["a", "b"])));
  await until(() => raw.ends.length === 4);
  assert.deepEqual(
    raw.ends,
    [1, 3, 5, 9].map((id) => `RST_STREAM ${id} PROTOCOL_ERROR`),
  );
  assert.ok(own.notes.requests[3]?.notes.isEnded);
  assert.equal(own.session.streamCount, 1);
});

const answers: readonly [name: string, bytes: Buffer[], ends: string][] = [
  ["DATA before an answer", [frame(DATA, 0, 1, Buffer.alloc(3))], "RST_STREAM 1 PROTOCOL_ERROR"],
  ["HEADERS on a stream that was not begun", [ask(3)], "GOAWAY PROTOCOL_ERROR"],
  ["HEADERS on an even stream", [ask(2)], "GOAWAY PROTOCOL_ERROR"],
  ["PUSH_PROMISE", [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.alloc(4))], "GOAWAY PROTOCOL_ERROR"],
  ["ENABLE_PUSH 1", [frame(SETTINGS, 0, 0, settingsPayload([[2, 1]]))], "GOAWAY PROTOCOL_ERROR"],
  ["PRIORITY_UPDATE", [frame(PRIORITY_UPDATE, 0, 0, uint32(1))], "GOAWAY PROTOCOL_ERROR"],
  ["an answer after another", [ask(1), ask(1)], "GOAWAY STREAM_CLOSED"],
  ["interim answers", [ask(1, false), ask(1, false), ask(1)], ""],
];

for (const [name, bytes, ends] of answers) {
  test(`of a server: ${name}`, async () => {
    await using pair = await rawPair("client");
    const { raw, own } = pair;
    const notes = { ...quiet };
    own.session.request(notes, (encoder) => encoder.field(":method", "GET"), true);
    // It is asked for before it is answered.
    await until(() => raw.count("HEADERS") > 0);
    raw.send(opening("server"), ...bytes, frame(PING, 0, 0, pingBytes));
    await until(() => raw.count("PING") > 0 || raw.isEnded);
    assert.equal(raw.ends.join(", "), ends);
  });
}

const quiet = {
  ...{ onFields() {}, onData() {}, onEnd() {}, onFlush() {}, onWritable() {}, onSent() {} },
  onReset() {},
};
