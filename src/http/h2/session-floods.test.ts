import assert from "node:assert/strict";
import { test } from "node:test";
import {
  flagBits,
  frame,
  frameTypes,
  settingsPayload,
  uint32,
} from "../../../test/harness/h2-frames.ts";
import { until } from "../../../test/harness/session-pair.ts";
import { ask, askFields, opening, pingBytes, rawPair } from "../../../test/harness/session-raw.ts";
import { http2Floods } from "../../config/http2-limits.ts";
import { FloodBudget } from "./flood-budget.ts";
import type { Stream } from "./stream.ts";

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, CONTINUATION } = frameTypes;
const { WINDOW_UPDATE, PRIORITY_UPDATE } = frameTypes;
const { END_HEADERS, END_STREAM, PADDED } = flagBits;

/** Of each flood, what a peer sends for the nth time. */
const floods: Readonly<Record<string, (at: number) => Buffer>> = {
  "rapid-reset": (at) =>
    Buffer.concat([ask(2 * at + 3), frame(RST_STREAM, 0, 2 * at + 3, uint32(8))]),
  // A window opened by nothing makes us reset the stream.
  "provoked-reset": (at) =>
    Buffer.concat([ask(2 * at + 3), frame(WINDOW_UPDATE, 0, 2 * at + 3, uint32(0))]),
  settings: () => frame(SETTINGS, 0, 0, settingsPayload([[4, 1000]])),
  ping: () => frame(PING, 0, 0, pingBytes),
  "empty-frames": (at) =>
    at % 2 === 0 ? frame(DATA, 0, 1) : frame(DATA, PADDED, 1, Buffer.from([3, 0, 0, 0])),
  "window-update": (at) => frame(WINDOW_UPDATE, 0, at % 2, uint32(1)),
  priority: (at) =>
    at % 2 === 0
      ? frame(PRIORITY, 0, 1, Buffer.alloc(5))
      : frame(PRIORITY_UPDATE, 0, 0, Buffer.from("\0\0\0\x01u=1")),
  "unknown-frames": () => frame(99, 0, 0, Buffer.alloc(10)),
  continuation: (at) => (at === 0 ? frame(HEADERS, 0, 3, askFields) : frame(CONTINUATION, 0, 3)),
  // The same field, again and again from the table: a few bytes that would become many.
  "header-list": (at) => frame(HEADERS, END_HEADERS | END_STREAM, 2 * at + 3, bomb),
};
const bomb = Buffer.concat([
  Buffer.from([0x40, 1, 0x61, 0x7f, 0xc9, 1]),
  Buffer.alloc(328, "x"),
  Buffer.alloc(1000, 0xbe),
]);

for (const [name, send] of Object.entries(floods)) {
  test(`too much ends the connection: ${name}`, async () => {
    await using pair = await rawPair("server");
    const { raw, own } = pair;
    own.notes.answer = (stream) => {
      if (stream.id > 1 && name === "header-list") stream.reset(8);
    };
    raw.send(opening("client"), ask(1, false));
    raw.send(...Array.from({ length: 2500 }, (_, at) => send(at)));
    await until(() => own.notes.isClosed);
    const [fault] = own.notes.faults;
    assert.equal(fault?.flood, name);
    assert.equal(fault?.code, 11);
    await until(() => raw.ends.at(-1) === "GOAWAY ENHANCE_YOUR_CALM");
    assert.ok(own.notes.requests.every(({ stream }) => stream.isClosed));
    raw.socket.destroy();
    await until(() => pair.wheel.size === 0);
  });
}

test("streams beyond the limit are refused, and who goes on with that is ended", async () => {
  await using pair = await rawPair("server", { maxStreams: 3 });
  const { raw, own } = pair;
  raw.send(opening("client"), ...[1, 3, 5, 7, 9].map((id) => ask(id, false)));
  raw.send(frame(DATA, 0, 9, Buffer.alloc(10)), frame(PING, 0, 0, pingBytes));
  await until(() => raw.count("PING") === 1);
  assert.deepEqual(raw.ends, ["RST_STREAM 7 REFUSED_STREAM", "RST_STREAM 9 REFUSED_STREAM"]);
  assert.equal(own.notes.requests.length, 3);
  raw.send(...Array.from({ length: 1200 }, (_, at) => ask(11 + 2 * at)));
  await until(() => own.notes.isClosed);
  assert.equal(own.notes.faults[0]?.flood, "refused");
});

test("a field section whose compressed form does not end is cut off by its size", async () => {
  await using pair = await rawPair("server");
  pair.raw.send(opening("client"), frame(HEADERS, 0, 1, askFields));
  for (let at = 0; at < 4; at++) pair.raw.send(frame(CONTINUATION, 0, 1, Buffer.alloc(16_384)));
  await until(() => pair.own.notes.isClosed);
  assert.equal(pair.own.notes.faults[0]?.flood, "continuation");
});

test("a peer that reads none of our acknowledgements is ended", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  own.notes.isCounting = true;
  raw.send(opening("client"), frame(SETTINGS, 0, 0, settingsPayload([[4, 0x7fffffff]])), ask(1));
  raw.send(frame(WINDOW_UPDATE, 0, 0, uint32(0x7fff0000 - 65_535)));
  await until(() => own.notes.requests.length === 1);
  raw.socket.pause();
  const { stream } = own.notes.requests[0]!;
  fill(stream);
  // An upload pays for them, so that only what waits ends it.
  const load = [frame(DATA, 0, 3, Buffer.alloc(16_384))];
  for (let at = 0; at < 3; at++) load.push(frame(PING, 0, 0, pingBytes));
  raw.send(ask(3, false));
  const end = performance.now() + 5000;
  while (!own.notes.isClosed && performance.now() < end) {
    for (let at = 0; at < 20; at++) raw.send(...load);
    await new Promise((done) => setTimeout(done, 5));
    fill(stream);
  }
  assert.equal(own.notes.faults[0]?.flood, "unread");
  assert.ok(own.socket.writableLength < 400_000, `${own.socket.writableLength} bytes wait`);
  raw.socket.destroy();
});

function fill(stream: Stream): void {
  while (!stream.isBacklogged && !stream.isClosed) stream.sendData(Buffer.alloc(65_536), 0, 65_536);
}

test("browsers, gRPC and load tests never meet a budget", async () => {
  await using pair = await rawPair("server");
  const { raw, own } = pair;
  own.notes.answer = (stream) => {
    stream.sendFields((encoder) => encoder.field(":status", "200"), false);
    stream.sendText("pong");
    stream.sendEnd();
  };
  raw.send(opening("client"));
  // A page of a hundred images is left.
  for (let at = 0; at < 100; at++)
    raw.send(ask(2 * at + 1), frame(RST_STREAM, 0, 2 * at + 1, uint32(8)));
  // Ten thousand short calls, each with a PING, a window of its own and one for all.
  for (let at = 0; at < 10_000; at++) {
    const id = 2 * at + 201;
    raw.send(
      ask(id, false),
      frame(WINDOW_UPDATE, 0, id, uint32(100_000)),
      frame(WINDOW_UPDATE, 0, 0, uint32(10)),
    );
    raw.send(frame(DATA, END_STREAM, id, Buffer.alloc(7)), frame(PING, 0, 0, pingBytes));
    if (at % 50 === 49) await until(() => raw.count("PING") >= at - 50);
  }
  await until(() => raw.count("PING") === 10_000);
  assert.deepEqual(own.notes.faults, []);
  assert.deepEqual(raw.ends, []);
});

test("budgets are emptied by time and by work", () => {
  const { burst, work } = http2Floods.ping;
  const budget = new FloodBudget();
  assert.ok(budget.spend("ping", burst));
  assert.ok(!budget.spend("ping"));
  budget.work += burst / work;
  assert.ok(budget.spend("ping", burst - 2));
});
