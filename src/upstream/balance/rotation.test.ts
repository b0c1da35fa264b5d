import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  chance,
  dealt,
  even,
  sample,
  samples,
  type Sample,
} from "../../../test/harness/weighed-sample.ts";
import { SmoothRotation } from "./rotation.ts";

const fromStart = () => 0;

function rotationOf(backends: readonly Sample[], random = fromStart): SmoothRotation<Sample> {
  const rotation = new SmoothRotation<Sample>(random);
  rotation.update(backends);
  return rotation;
}

function order(rotation: SmoothRotation<Sample>, backends: readonly Sample[], picks: number) {
  const at = () => backends.indexOf(rotation.pick(Number.NaN, null)!);
  return Array.from({ length: picks }, at);
}

const sum = (all: readonly number[]) => all.reduce((total, each) => total + each, 0);

test("equal weights are dealt in the order of the list", () => {
  const backends = even(3);
  assert.deepEqual(order(rotationOf(backends), backends, 7), [0, 1, 2, 0, 1, 2, 0]);
});

test("picks of a heavy backend are spread over those of the others", () => {
  const pair = samples([5, 5]);
  assert.deepEqual(order(rotationOf(pair), pair, 4), [0, 1, 0, 1]);
  const many = samples([100, ...Array.from({ length: 100 }, () => 1)]);
  const dealtOrder = order(rotationOf(many), many, 400).map((at) => (at === 0 ? "h" : "l"));
  assert.ok(!/h{4}|l{4}/.test(dealtOrder.join("")), "never four of a kind in a row");
});

test("after as many picks as the weights' sum each had exactly its weight, wherever one begins", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 });
  const share = fc.double({ min: 0, max: 0.999_999, noNaN: true });
  fc.assert(
    fc.property(weights, share, fc.nat(200), (all, from, skipped) => {
      const backends = samples(all);
      const rotation = rotationOf(backends, () => from);
      order(rotation, backends, skipped);
      for (let turn = 0; turn < 3; turn++) {
        assert.deepEqual(dealt(rotation, backends, sum(all)), all);
      }
    }),
  );
});

test("it is still exact after changes, from the change on", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(weights, fc.nat(30)), { minLength: 2 }), (changes) => {
      const rotation = new SmoothRotation<Sample>();
      for (const [all, picks] of changes) {
        const backends = samples(all);
        rotation.update(backends);
        assert.deepEqual(dealt(rotation, backends, sum(all)), all);
        order(rotation, backends, picks);
      }
    }),
  );
});

test("a million picks of 1,000 backends of odd weights are exact", () => {
  const random = chance(7);
  const weights = Array.from({ length: 1000 }, () => 1 + Math.floor(random() * 1000));
  const backends = samples(weights);
  const rotation = rotationOf(backends, random);
  const picked = new Map(backends.map((backend) => [backend, 0]));
  for (let nth = sum(weights) * 2; nth > 0; nth--) {
    const backend = rotation.pick(Number.NaN, null)!;
    picked.set(backend, picked.get(backend)! + 1);
  }
  assert.deepEqual(
    [...picked.values()],
    weights.map((weight) => weight * 2),
  );
});

test("every turn is like the first, also after thousands", () => {
  for (const weights of [
    [3, 1],
    [7, 3, 9],
    [10, 49, 3, 6, 7],
  ]) {
    const backends = samples(weights);
    const rotation = rotationOf(backends);
    const first = order(rotation, backends, sum(weights));
    for (let turn = 0; turn < 10_000; turn++) {
      assert.deepEqual(order(rotation, backends, sum(weights)), first, `turn ${turn}`);
    }
  }
});

test("a reload with the same backends goes on where it was", () => {
  for (const weights of [
    [1, 1, 1, 1],
    [3, 1, 2],
  ]) {
    const untouched = samples(weights);
    const expected = order(rotationOf(untouched), untouched, 40);
    const rotation = rotationOf(samples(weights));
    const seen: number[] = [];
    while (seen.length < 40) {
      const again = samples(weights);
      rotation.update(again);
      seen.push(...order(rotation, again, 1));
    }
    assert.deepEqual(seen, expected);
  }
});

test("who joins or leaves does not send the others back to the beginning", () => {
  const [a, b, c, d] = [sample("a"), sample("b"), sample("c"), sample("d")];
  const rotation = rotationOf([a, b, c]);
  assert.equal(rotation.pick(Number.NaN, null), a);
  rotation.update([a, b, c, d]);
  const next = order(rotation, [a, b, c, d], 4);
  assert.ok(next.indexOf(1) < next.indexOf(2), "b is before c");
  assert.ok(next.indexOf(2) < next.indexOf(0), "a, which had its turn, is after both");
  rotation.update([a, c, d]);
  assert.deepEqual(
    order(rotation, [a, c, d], 3).toSorted((one, other) => one - other),
    [0, 1, 2],
  );
});

test("a weight that grows a little every few picks gets its growing share", () => {
  const backends = samples([0.01, 1, 1]);
  const rotation = rotationOf(backends);
  const counts = [0, 0, 0];
  let expected = 0;
  for (let step = 1; step <= 1000; step++) {
    const weight = step / 1000;
    backends[0]!.weight = weight;
    rotation.update([...backends]);
    for (let nth = 0; nth < 3; nth++)
      counts[backends.indexOf(rotation.pick(Number.NaN, null)!)]! += 1;
    expected += (3 * weight) / (2 + weight);
  }
  assert.ok(Math.abs(counts[0]! - expected) <= 3, `${counts[0]} instead of ${expected}`);
});

test("a new weight holds at once", () => {
  const backends = samples([1000, 1]);
  const rotation = rotationOf(backends);
  order(rotation, backends, 10);
  backends[1]!.weight = 1000;
  rotation.update([...backends]);
  assert.deepEqual(dealt(rotation, backends, 20), [10, 10]);
});

test("a fractional weight gets its share over time", () => {
  const weights = fc.array(fc.double({ min: 0.01, max: 5, noNaN: true }), {
    minLength: 2,
    maxLength: 8,
  });
  fc.assert(
    fc.property(weights, (all) => {
      const backends = samples(all);
      const counts = dealt(rotationOf(backends), backends, 5000);
      for (const [at, weight] of all.entries()) {
        const share = (5000 * weight) / sum(all);
        assert.ok(Math.abs(counts[at]! - share) <= all.length + 1, `${counts[at]} of ${share}`);
      }
    }),
  );
});

test("who is passed over as tried keeps its turn", () => {
  for (const weights of [
    [1, 1, 1],
    [2, 3, 4],
  ]) {
    const backends = samples(weights);
    const first = rotationOf(backends).pick(Number.NaN, null)!;
    const rotation = rotationOf(backends);
    assert.notEqual(rotation.pick(Number.NaN, [first]), first);
    assert.equal(rotation.pick(Number.NaN, null), first);
  }
});

test("workers begin with different backends", () => {
  const random = chance(3);
  const backends = even(10);
  const firsts = new Set<Sample>();
  for (let worker = 0; worker < 60; worker++) {
    firsts.add(rotationOf(backends, random).pick(Number.NaN, null)!);
  }
  assert.ok(firsts.size >= 9, `${firsts.size}`);
});
