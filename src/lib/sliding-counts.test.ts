import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SlidingCounts } from "./sliding-counts.ts";

test("it counts what a list of all that happened in the last spans would, however time passes", () => {
  const step = fc.tuple(
    fc.oneof(fc.nat(300), fc.nat(3000), fc.constant(50_000)),
    fc.nat(2),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const counts = new SlidingCounts(3, 1000, 10);
      let happened: [span: number, counter: number][] = [];
      let now = 12_345.5;
      for (const [ms, counter, isCleared] of steps) {
        now += ms;
        counts.moveTo(now);
        if (isCleared && counter === 0) {
          counts.clear();
          happened = [];
        }
        counts.add(counter);
        const span = Math.floor(now / 100);
        happened.push([span, counter]);
        for (let each = 0; each < 3; each++) {
          const wanted = happened.filter(([at, which]) => which === each && at > span - 10);
          assert.equal(counts.sum(each), wanted.length);
        }
      }
    }),
  );
});

test("what happened leaves after the window, with no more happening", () => {
  const counts = new SlidingCounts(1, 1000);
  counts.moveTo(50);
  counts.add(0);
  counts.moveTo(950);
  counts.add(0);
  assert.equal(counts.sum(0), 2);
  counts.moveTo(1000);
  assert.equal(counts.sum(0), 1);
  counts.moveTo(1899);
  assert.equal(counts.sum(0), 1);
  counts.moveTo(1900);
  assert.equal(counts.sum(0), 0);
});

test("a clock that stands still, or seems to go back, loses nothing", () => {
  const counts = new SlidingCounts(1, 1000);
  counts.moveTo(5000);
  counts.add(0);
  counts.moveTo(4000);
  counts.add(0);
  counts.moveTo(5000);
  assert.equal(counts.sum(0), 2);
});
