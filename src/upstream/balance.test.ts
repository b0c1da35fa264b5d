import assert from "node:assert/strict";
import { test } from "node:test";
import { policyOf, type Candidate } from "./balance.ts";

function candidates(...weights: readonly (readonly [weight: number, load: number])[]): Candidate[] {
  return weights.map(([weight, load]) => ({ weight, pool: { load } })) as unknown as Candidate[];
}

function picks(name: Parameters<typeof policyOf>[0], all: Candidate[], count: number): number[] {
  const policy = policyOf(name);
  return Array.from({ length: count }, () => policy.pick(all, undefined));
}

function countOf(all: readonly number[], index: number): number {
  return all.filter((each) => each === index).length;
}

test("round robin takes turns", () => {
  const three = candidates([1, 0], [1, 0], [1, 0]);
  assert.deepEqual(picks("round-robin", three, 6), [0, 1, 2, 0, 1, 2]);
});

test("round robin spreads a heavy backend over the cycle", () => {
  const uneven = candidates([5, 0], [1, 0], [1, 0]);
  assert.deepEqual(picks("round-robin", uneven, 7), [0, 0, 1, 0, 2, 0, 0]);
});

test("over every whole cycle each backend gets exactly its weight", () => {
  for (const weights of [
    [1, 2, 3],
    [7, 1],
    [10, 10, 1, 4],
    [1000, 999],
  ]) {
    const all = candidates(...weights.map((weight) => [weight, 0] as const));
    const total = weights.reduce((sum, each) => sum + each, 0);
    const turns = picks("round-robin", all, total * 3);
    for (let cycle = 0; cycle < 3; cycle++) {
      const part = turns.slice(cycle * total, (cycle + 1) * total);
      assert.deepEqual(
        weights.map((_, index) => countOf(part, index)),
        weights,
      );
    }
  }
});

test("round robin goes on evenly after some backends were left out for a time", () => {
  const policy = policyOf("round-robin");
  const all = candidates([1, 0], [1, 0], [1, 0]);
  const without0 = Array.from({ length: 100 }, () => policy.pick(all, new Set([0])));
  assert.equal(countOf(without0, 0), 0);
  assert.equal(countOf(without0, 1), 50);
  const then = Array.from({ length: 30 }, () => policy.pick(all, undefined));
  for (let index = 0; index < 3; index++) {
    const count = countOf(then, index);
    assert.ok(count >= 9 && count <= 11, `backend ${index} got ${count} of 30`);
  }
});

test("no policy picks what was tried, and -1 when nothing is left", () => {
  const all = candidates([1, 3], [2, 0], [3, 1]);
  for (const name of ["round-robin", "random", "least-connections"] as const) {
    const policy = policyOf(name);
    for (let set = 0; set < 8; set++) {
      const tried = new Set([0, 1, 2].filter((index) => (set & (1 << index)) !== 0));
      for (let turn = 0; turn < 20; turn++) {
        const index = policy.pick(all, tried);
        if (tried.size === 3) assert.equal(index, -1, name);
        else assert.ok(index >= 0 && index < 3 && !tried.has(index), `${name} picked ${index}`);
      }
    }
    assert.equal(policy.pick([], undefined), -1);
  }
});

test("random picks by weight", () => {
  const turns = picks("random", candidates([1, 0], [3, 0]), 20_000);
  // 15,000 expected; six standard deviations are 367.
  const count = countOf(turns, 1);
  assert.ok(Math.abs(count - 15_000) < 400, `${count} of 20000`);
});

test("least connections compares the load with the weight", () => {
  assert.deepEqual(
    new Set(picks("least-connections", candidates([1, 2], [1, 1], [1, 3]), 20)),
    new Set([1]),
  );
  assert.deepEqual(
    new Set(picks("least-connections", candidates([4, 4], [1, 2]), 20)),
    new Set([0]),
  );
});

test("least connections spreads over backends that are equally idle", () => {
  const turns = picks("least-connections", candidates([1, 0], [1, 0], [1, 0]), 300);
  for (let index = 0; index < 3; index++) assert.ok(countOf(turns, index) > 50, `backend ${index}`);
});
