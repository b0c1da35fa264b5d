import assert from "node:assert/strict";
import { test } from "node:test";
import { changedItems, Pace } from "./pace.ts";

const options = { gap: 20, prompt: 50, promptPerSecond: 25, restPerRoute: 0.2, restMost: 3000 };

/** Changes of so many items each, one every `everyMs`: how long each waits. */
function waits(pace: Pace, count: number, items: number, everyMs: number): number[] {
  let now = 0;
  return Array.from({ length: count }, () => {
    now += everyMs;
    const wait = pace.next(items, now);
    now += wait;
    pace.told(now);
    return wait;
  });
}

function paceFor(routes: number): Pace {
  const pace = new Pace(options);
  pace.routes = routes;
  return pace;
}

test("changes that come one by one are told of at once, however many routes there are", () => {
  const all = waits(paceFor(10_000), 500, 1, 50);
  assert.ok(all.every((each) => each === 0));
});

test("between any two there is a gap", () => {
  assert.deepEqual(waits(paceFor(10), 3, 1, 5), [0, 15, 15]);
});

test("in a flood there is a rest in proportion to the routes, within bounds", () => {
  assert.deepEqual(waits(paceFor(10_000), 3, 100, 0).slice(1), [2000, 2000]);
  assert.deepEqual(waits(paceFor(1_000_000), 3, 100, 0).slice(1), [3000, 3000]);
  assert.deepEqual(waits(paceFor(50), 3, 100, 0).slice(1), [20, 20]);
});

test("after a quiet time it is prompt again", () => {
  const pace = paceFor(10_000);
  waits(pace, 10, 100, 0);
  assert.equal(pace.next(1, 60_000), 0);
});

test("what is the same object has not changed, wherever it stands", () => {
  const items = Array.from({ length: 10 }, (_, at) => ({ at }));
  const [first, ...others] = items;
  assert.equal(changedItems(items, [...items]), 0);
  assert.equal(changedItems(items, others), 1);
  assert.equal(changedItems(others, items), 1);
  assert.equal(changedItems(items, items.with(4, { at: 4 })), 1);
  assert.equal(changedItems(items, items.with(1, { at: 1 }).with(8, { at: 8 })), 2);
  assert.equal(changedItems(items, [...others, first]), 0);
  assert.equal(changedItems([], items), 10);
  assert.equal(changedItems(items, []), 10);
});
