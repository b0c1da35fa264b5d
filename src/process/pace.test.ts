import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "./pace.ts";

const options = { quiet: 100, prompt: 3, promptAgain: 1000, restShare: 20, restMost: 2000 };

/** Changes that come all the time, each taking so long to be served: when each is told of. */
function flood(pace: Pace, count: number, took: number, from = 0): number[] {
  let now = from;
  return Array.from({ length: count }, () => {
    now += pace.next(now);
    pace.told(now);
    pace.took(took);
    const at = now - from;
    now += took;
    return at;
  });
}

test("the first one is told of at once, and some after it promptly", () => {
  assert.deepEqual(flood(new Pace(options), 3, 10), [0, 100, 200]);
});

test("in a flood there is a rest as long as what it costs demands", () => {
  const times = flood(new Pace(options), 6, 50);
  assert.deepEqual(times.slice(0, 3), [0, 100, 200]);
  const gaps = times.slice(3).map((each, at) => each - (times[at + 2] ?? 0));
  assert.ok(
    gaps.every((each) => each === 1000),
    gaps.join(),
  );
});

test("what costs little is as prompt in a flood, and what hangs is bounded", () => {
  assert.equal(flood(new Pace(options), 30, 1).at(-1), 2900);
  const gaps = flood(new Pace(options), 6, 60_000).map(
    (each, at, all) => each - (all[at - 1] ?? 0),
  );
  assert.ok(Math.max(...gaps) <= 62_000, gaps.join());
});

test("after a quiet time it is prompt again", () => {
  const pace = new Pace(options);
  flood(pace, 10, 50);
  assert.equal(pace.next(60_000), 0);
});
