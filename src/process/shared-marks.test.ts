import assert from "node:assert/strict";
import { test } from "node:test";
import type { SharedMark } from "../fleet/mark-book.ts";
import { SharedMarks } from "./shared-marks.ts";

function sample() {
  const taken: string[] = [];
  const state = { now: 1000, well: new Set(["a", "b", "c"]) };
  const marks = new SharedMarks({
    take(mark) {
      taken.push(`${mark.kind} ${mark.backend}`);
      if (mark.kind === "dead") state.well.delete(mark.backend);
      else state.well.add(mark.backend);
      // As the program does: whatever health learns is told on.
      if (!marks.isTaking) marks.shown(mark);
      marks.weigh();
      return true;
    },
    backendsOf: () => ["a", "b", "c"],
    wellOf: () => [...state.well],
    now: () => state.now,
  });
  const hear = (...backends: readonly string[]) =>
    marks.heard(
      backends.map((backend): SharedMark => {
        return { service: "s", backend, until: 61_000, why: "", isUnreachable: true, by: "two" };
      }),
    );
  const shown = (kind: "dead" | "alive", backend: string) => {
    if (kind === "dead") state.well.delete(backend);
    else state.well.add(backend);
    const about = { service: "s", backend };
    return marks.shown(
      kind === "alive"
        ? { kind, ...about }
        : { kind, ...about, for: 60_000, why: "", isUnreachable: true },
    );
  };
  return { taken, state, marks, hear, shown };
}

test("what others found is obeyed while somebody well remains, and not a moment longer", () => {
  const { taken, state, marks, hear } = sample();
  hear("a", "b");
  assert.deepEqual(taken.splice(0), ["dead a", "dead b"]);
  hear("a", "b", "c");
  assert.deepEqual(taken.splice(0), ["alive a", "alive b"]);
  hear("a", "b");
  assert.deepEqual(taken.splice(0), ["dead a", "dead b"]);
  // The last one is drained, or down by a check.
  state.well.delete("c");
  marks.weigh();
  assert.deepEqual(taken.splice(0), ["alive a", "alive b"]);
  state.well.add("c");
  marks.weigh();
  assert.deepEqual(taken.splice(0), ["dead a", "dead b"]);
  hear();
  assert.deepEqual(taken, ["alive a", "alive b"]);
});

test("that others are not believed any longer does not bring back what was found here", () => {
  const { taken, hear, shown } = sample();
  assert.equal(shown("dead", "a"), "tell");
  hear("a");
  assert.deepEqual(taken.splice(0), ["dead a"]);
  hear();
  assert.deepEqual(taken, []);
});

test("what was found here ends when another node finds the contrary, and is not told again soon", () => {
  const { taken, marks, shown } = sample();
  assert.equal(shown("dead", "a"), "tell");
  marks.takenBack("s", "b");
  assert.deepEqual(taken, []);
  marks.takenBack("s", "a");
  assert.deepEqual(taken, ["alive a"]);
  assert.equal(shown("dead", "a"), "keep");
  assert.equal(shown("alive", "a"), "tell");
});

test("who finds most of them dead takes back what it told", () => {
  const { shown } = sample();
  assert.equal(shown("dead", "a"), "tell");
  assert.equal(shown("dead", "b"), "take all back");
  assert.equal(shown("dead", "c"), "take all back");
  assert.equal(shown("alive", "c"), "tell");
  assert.equal(shown("alive", "b"), "tell");
  assert.equal(shown("dead", "a"), "tell");
});
