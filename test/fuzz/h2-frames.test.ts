// Frames, right ones and mutated ones, to a session on a real socket: it never throws, and afterwards it either works
// or has ended with GOAWAY; no stream, deadline or window is left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { windowBytesTaken } from "../../src/http/h2/window-budget.ts";
import { flagBits, frame, frameTypes, settingsPayload, uint32 } from "../harness/h2-frames.ts";
import { section } from "../harness/h2-hpack.ts";
import { until } from "../harness/session-pair.ts";
import { ask, askFields, opening, pingBytes, rawPair } from "../harness/session-raw.ts";
import { mutate, Random } from "./random.ts";

const { END_STREAM, END_HEADERS, PADDED, PRIORITY } = flagBits;

/** A frame of any kind, nearly always right where it stands. @param id of the next stream */
function someFrame(random: Random, id: number): Buffer {
  const stream = Math.max(1, id - 2 * (1 + random.below(4)));
  const kinds: (() => Buffer)[] = [
    () => frame(frameTypes.DATA, 0, stream, Buffer.alloc(random.below(5000))),
    () => frame(frameTypes.DATA, PADDED, stream, Buffer.from([random.below(3), 1, 2])),
    () => frame(frameTypes.HEADERS, END_STREAM | END_HEADERS, stream, section([["a", "b"]])),
    () => frame(frameTypes.RST_STREAM, 0, stream, uint32(random.below(14))),
    () => frame(frameTypes.SETTINGS, 0, 0, settingsPayload([[4, random.below(70_000)]])),
    () => frame(frameTypes.PING, random.below(2), 0, pingBytes),
    () => frame(frameTypes.WINDOW_UPDATE, 0, stream, uint32(random.below(100_000) + 1)),
    () => frame(frameTypes.WINDOW_UPDATE, 0, 0, uint32(random.below(100_000) + 1)),
    () =>
      frame(frameTypes.PRIORITY_UPDATE, 0, 0, Buffer.concat([uint32(stream), Buffer.from("u=1")])),
    () => frame(frameTypes.PRIORITY, 0, stream, Buffer.alloc(5)),
    () => frame(50 + random.below(100), random.below(256), stream, Buffer.alloc(random.below(99))),
  ];
  return random.pick(kinds)();
}

/** A request, whole, padded or in pieces. */
function someRequest(random: Random, id: number): Buffer {
  const end = END_STREAM * random.below(2);
  const padded = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), askFields, Buffer.alloc(2)]);
  const cut = random.below(askFields.length);
  return random.pick([
    ask(id, end > 0),
    frame(frameTypes.HEADERS, PADDED | PRIORITY | END_HEADERS | end, id, padded),
    Buffer.concat([
      frame(frameTypes.HEADERS, end, id, askFields.subarray(0, cut)),
      frame(frameTypes.CONTINUATION, END_HEADERS, id, askFields.subarray(cut)),
    ]),
  ]);
}

function someBytes(random: Random): Buffer {
  const frames = [someRequest(random, 1)];
  let id = 3;
  for (let count = random.below(20); count > 0; count--) {
    if (random.below(3) === 0) {
      frames.push(someRequest(random, id));
      id += 2;
    } else {
      frames.push(someFrame(random, id));
    }
  }
  const all = Buffer.concat(frames);
  if (random.below(2) === 0) return all;
  const words = frames.map((each) => each.toString("latin1"));
  return Buffer.from(mutate(random, [all.toString("latin1")], words, 255), "latin1");
}

test("sessions keep their promises on whatever comes", async (context) => {
  const seconds = Number(process.env["FUZZ_SECONDS"] ?? "2");
  const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_000);
  context.diagnostic(`FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  let [runs, ended] = [0, 0];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    runs++;
    try {
      if (await run(random)) ended++;
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}, run ${runs}`, { cause: error });
    }
  }
  context.diagnostic(`${runs} connections, ${ended} ended with GOAWAY`);
  assert.ok(ended > 0 && ended < runs, "all ended in the same way");
});

/** @returns whether our session ended the connection */
async function run(random: Random): Promise<boolean> {
  await using pair = await rawPair("server", { headTimeout: 5000 });
  const { raw, own } = pair;
  own.notes.isCounting = true;
  const acts = random.below(4);
  own.notes.answer = (stream) => {
    if (acts === 0) stream.reset(random.below(14));
    if (acts === 1) stream.pause();
    if (acts < 2) return;
    stream.sendFields((encoder) => encoder.field(":status", "200"), false);
    stream.sendData(Buffer.alloc(random.below(90_000)), 0, random.below(10));
    if (acts === 2) stream.sendEnd();
  };
  const bytes = someBytes(random);
  raw.send(opening("client"));
  for (const piece of random.split(bytes.toString("latin1"))) {
    raw.send(Buffer.from(piece, "latin1"));
    await new Promise((done) => setImmediate(done));
  }
  // What stands in the middle of a frame swallows this; then it is the peer that ends.
  raw.send(frame(frameTypes.PING, 0, 0, Buffer.from("question")));
  const isAnswered = () =>
    raw.frames.some((each) => each.payload.toString("latin1") === "question");
  const until1 = performance.now() + 20;
  while (!isAnswered() && !own.notes.isClosed && performance.now() < until1)
    await new Promise((done) => setTimeout(done, 1));
  const isEnded = own.notes.isClosed;
  if (isEnded) await until(() => raw.count("GOAWAY") > 0);
  assert.ok(own.notes.faults.length <= 1);
  assert.ok(own.session.streamCount <= 128);
  raw.socket.destroy();
  await until(() => own.notes.isClosed && own.socket.destroyed);
  assert.equal(own.session.streamCount, 0);
  for (const { stream, notes } of own.notes.requests) {
    assert.ok(stream.isClosed);
    assert.equal(stream.waitingBytes, 0);
    assert.ok(!(notes.reset !== undefined && notes.isEnded && notes.isSent), "told of both ends");
  }
  assert.equal(pair.wheel.size, 0);
  assert.equal(windowBytesTaken(), 0);
  return isEnded;
}
