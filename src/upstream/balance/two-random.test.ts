import assert from "node:assert/strict";
import { test } from "node:test";
import { chance, dealt, even, samples, type Sample } from "../../../test/harness/weighed-sample.ts";
import type { Policy } from "./policy.ts";
import { SmoothRotation } from "./rotation.ts";
import { TwoRandom } from "./two-random.ts";

interface Outcome {
  /** The highest load over the mean, averaged over moments. */
  readonly atOnce: number;
  /** The same of the loads averaged over time. */
  readonly overTime: number;
}

/**
 * Exchanges arrive by chance; each backend has a mean latency of its own, and each exchange takes a time by
 * chance around that. They are enough to keep about 40 in flight at each backend.
 */
function simulate(policy: Policy<Sample>, latencies: readonly number[], seed: number): Outcome {
  const random = chance(seed);
  const backends = even(latencies.length);
  policy.update(backends);
  const exponential = (mean: number) => -Math.log(1 - random()) * mean;
  const ends: Sample[][] = Array.from({ length: 100_000 }, () => []);
  const perTick = (40 * latencies.length) / (latencies.reduce((a, b) => a + b) / latencies.length);
  const totals = backends.map(() => 0);
  let moments = 0;
  let ratios = 0;
  for (let tick = 0, due = 0; tick < 12_000; tick++) {
    for (const done of ends[tick]!) done.load -= 1;
    for (; due < tick; due += exponential(1 / perTick)) {
      const picked = policy.pick(Number.NaN, null)!;
      picked.load += 1;
      const took = exponential(latencies[backends.indexOf(picked)]!);
      ends[Math.min(tick + 1 + Math.floor(took), ends.length - 1)]!.push(picked);
    }
    if (tick < 4000) continue;
    moments += 1;
    const loads = backends.map(({ load }) => load);
    for (const [at, load] of loads.entries()) totals[at]! += load;
    ratios += ratioOf(loads);
  }
  return { atOnce: ratios / moments, overTime: ratioOf(totals) };
}

function ratioOf(loads: readonly number[]): number {
  return (Math.max(...loads) * loads.length) / loads.reduce((all, each) => all + each, 0);
}

const skews: Readonly<Record<string, readonly number[]>> = {
  "one of ten is ten times as slow": [1000, 100, 100, 100, 100, 100, 100, 100, 100, 100],
  "one of three is five times as slow": [100, 500, 100],
  "each is a third slower than the one before": [100, 133, 178, 237, 316, 421, 562, 750],
  "a quarter of 40 are four times as slow": Array.from({ length: 40 }, (_, at) =>
    at % 4 === 0 ? 400 : 100,
  ),
};

for (const [name, latencies] of Object.entries(skews)) {
  test(`the highest load stays within 1.3 times the mean when ${name}`, () => {
    for (const seed of [1, 2, 3]) {
      const { atOnce, overTime } = simulate(new TwoRandom(chance(seed)), latencies, seed);
      assert.ok(atOnce <= 1.3 && overTime <= 1.3, `${atOnce} at once, ${overTime} over time`);
    }
    const dealtBlindly = simulate(new SmoothRotation(chance(1)), latencies, 1);
    assert.ok(dealtBlindly.overTime > 1.7, `round robin does not: ${dealtBlindly.overTime}`);
  });
}

test("an idle service is dealt round robin, exactly by weight", () => {
  const backends = samples([5, 1, 2]);
  const policy = new TwoRandom<Sample>();
  policy.update(backends);
  assert.deepEqual(dealt(policy, backends, 80), [50, 10, 20]);
});

test("equal loads for the weight go to the one whose turn it is", () => {
  const backends = samples([1, 3]);
  backends[0]!.load = 2;
  backends[1]!.load = 6;
  const policy = new TwoRandom<Sample>();
  policy.update(backends);
  assert.deepEqual(dealt(policy, backends, 40), [10, 30]);
});

test("the most loaded of two is never picked, however the weights are", () => {
  for (const weights of [
    [1, 1],
    [1, 1000],
    [1000, 1],
  ]) {
    const backends = samples(weights);
    backends[0]!.load = 5000;
    const policy = new TwoRandom<Sample>();
    policy.update(backends);
    assert.deepEqual(dealt(policy, backends, 300), [0, 300]);
  }
});
