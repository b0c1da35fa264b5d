import assert from "node:assert/strict";
import { test } from "node:test";
import { DeadBackends } from "./dead-backends.ts";

function sample() {
  const marks: string[] = [];
  const state = { now: 1000, isServed: true };
  const dead = new DeadBackends({
    take(mark) {
      if (!state.isServed) return false;
      marks.push(
        mark.kind === "dead" ? `dead ${mark.backend} ${mark.for}` : `alive ${mark.backend}`,
      );
      return true;
    },
    now: () => state.now,
  });
  const say = (...all: readonly (readonly [backend: string, until: number])[]) =>
    dead.update(
      "hipache",
      all.map(([backend, until]) => ({ service: "s@hipache", backend, until })),
    );
  return { marks, state, dead, say };
}

test("a mark of others is told once, and taken back when it is gone before its end", () => {
  const { marks, state, say } = sample();
  say(["a", 31_000]);
  say(["a", 31_000]);
  say(["a", 31_400]);
  assert.deepEqual(marks.splice(0), ["dead a 30000"]);
  say();
  assert.deepEqual(marks.splice(0), ["alive a"]);
  say(["a", 31_000]);
  state.now = 31_001;
  say();
  assert.deepEqual(marks, ["dead a 30000"], "it was over by itself");
});

test("a backend that is not served yet is told of when it is", () => {
  const { marks, state, dead, say } = sample();
  state.isServed = false;
  say(["a", 31_000]);
  state.isServed = true;
  state.now = 11_000;
  dead.settle();
  dead.settle();
  assert.deepEqual(marks, ["dead a 20000"]);
});

test("a mark that became shorter holds until its new end, without a gap", () => {
  const { marks, state, dead, say } = sample();
  // Put there without an end, which was added a moment later.
  say(["a", 86_401_000]);
  say(["a", 61_000]);
  state.now = 60_999;
  dead.settle();
  assert.deepEqual(marks.splice(0), ["dead a 86400000"]);
  state.now = 61_000;
  dead.settle();
  dead.settle();
  assert.deepEqual(marks.splice(0), ["alive a"]);
  // It is gone for its owner as well, and comes again later.
  say();
  say(["a", 91_000]);
  assert.deepEqual(marks, ["dead a 30000"]);
});

test("one that is prolonged is told when it is over", () => {
  const { marks, state, dead, say } = sample();
  say(["a", 61_000]);
  state.now = 31_000;
  say(["a", 91_000]);
  dead.settle();
  assert.deepEqual(marks.splice(0), ["dead a 60000"], "it holds");
  state.now = 61_001;
  dead.settle();
  assert.deepEqual(marks, ["dead a 29999"]);
});

test("one that is prolonged goes on without another word", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const marks: number[] = [];
  const dead = new DeadBackends({
    take(mark) {
      if (mark.kind === "dead") marks.push(mark.for);
      if (marks.length === 2) resolve();
      return true;
    },
    now: Date.now,
  });
  const until = Date.now() + 50;
  const mark = { service: "s@hipache", backend: "a" };
  dead.update("hipache", [{ ...mark, until }]);
  dead.update("hipache", [{ ...mark, until: until + 5000 }]);
  assert.equal(marks.length, 1);
  // Its timer keeps no process alive.
  const keep = setTimeout(() => {}, 5000);
  await promise;
  clearTimeout(keep);
  assert.ok((marks[1] ?? 0) > 4000);
});
