import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { chance, dealt, samples, type Sample } from "../../../test/harness/weighed-sample.ts";
import { WeightedRandom } from "./random.ts";

function drawn(weights: readonly number[], picks: number, random: () => number): number[] {
  const backends = samples(weights);
  const policy = new WeightedRandom<Sample>(random);
  policy.update(backends);
  return dealt(policy, backends, picks);
}

test("the table holds exactly the weights", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(weights, (all) => {
      // Chance that goes through the table in small even steps shows what each backend has of it.
      const steps = 20_000;
      let step = 0;
      const counts = drawn(all, steps, () => ((step++ % steps) + 0.5) / steps);
      const total = all.reduce((sum, each) => sum + each, 0);
      for (const [at, weight] of all.entries()) {
        const share = (weight / total) * steps;
        assert.ok(Math.abs(counts[at]! - share) <= 2 * all.length, `${counts[at]} of ${share}`);
      }
    }),
    { numRuns: 50 },
  );
});

test("picks are in proportion to the weights", () => {
  const counts = drawn([1, 2, 7], 100_000, chance(5));
  for (const [at, expected] of [10_000, 20_000, 70_000].entries()) {
    assert.ok(Math.abs(counts[at]! - expected) < 600, counts.join(" "));
  }
});

test("who was tried leaves its share to the others by their weights", () => {
  const backends = samples([3, 1, 2]);
  const policy = new WeightedRandom<Sample>(chance(6));
  policy.update(backends);
  let light = 0;
  for (let nth = 0; nth < 30_000; nth++) {
    if (policy.pick(Number.NaN, [backends[0]!]) === backends[1]) light += 1;
  }
  assert.ok(Math.abs(light - 10_000) < 400, `${light}`);
});

test("a backend with hardly any weight is found when all others were tried", () => {
  const backends = samples([1e9, 1e-9, 1e9]);
  const policy = new WeightedRandom<Sample>();
  policy.update(backends);
  assert.equal(policy.pick(Number.NaN, [backends[0]!, backends[2]!]), backends[1]);
  assert.equal(policy.pick(Number.NaN, backends), undefined);
});
