import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chance,
  dealt,
  even,
  sample,
  samples,
  type Sample,
} from "../../../test/harness/weighed-sample.ts";
import { hashOf } from "./hash.ts";
import { Ring } from "./ring.ts";

function ringOf(backends: readonly Sample[], bound = 0): Ring<Sample> {
  const ring = new Ring<Sample>(bound);
  ring.update(backends);
  return ring;
}

const keyOf = (nth: number) => hashOf(`client-${nth}`);

function placement(ring: Ring<Sample>, keys: number): string[] {
  return Array.from({ length: keys }, (_, nth) => ring.pick(keyOf(nth), null)!.url);
}

for (const count of [3, 10, 100, 1000]) {
  test(`when one of ${count} leaves, at most 1.2/${count} of the keys move, all of them its own`, () => {
    const backends = even(count);
    // So many that chance moves the share of one by some hundredths of itself.
    const keys = Math.max(200_000, count * 1000);
    const ring = ringOf(backends);
    const before = placement(ring, keys);
    const shares = new Map(backends.map(({ url }) => [url, 0]));
    for (const url of before) shares.set(url, shares.get(url)! + 1);
    // What moves when one leaves is its share, if only its own keys move.
    const most = Math.max(...shares.values());
    assert.ok(most <= (1.2 / count) * keys, `${(most * count) / keys}`);
    for (const leaver of [backends[0]!, backends.at(-1)!, backends[count >> 1]!]) {
      ring.update(backends.filter((each) => each !== leaver));
      const after = placement(ring, keys);
      let moved = 0;
      for (const [nth, url] of before.entries()) {
        if (after[nth] === url) continue;
        moved += 1;
        assert.equal(url, leaver.url);
      }
      assert.equal(moved, shares.get(leaver.url));
      ring.update(backends);
    }
    assert.deepEqual(placement(ring, keys), before, "and they come back with it");
  });
}

test("no share is beyond 1.2 times the average, whatever the backends are called", () => {
  for (let set = 0; set < 100; set++) {
    const count = 2 + (set % 5);
    const backends = Array.from({ length: count }, (_, at) => sample(`${set}-${at}`));
    const counts = dealt(ringOf(backends), backends, 20_000, keyOf);
    const most = (Math.max(...counts) * count) / 20_000;
    assert.ok(most <= 1.2, `${most} in set ${set}`);
  }
});

test("shares are by weight, small or large", () => {
  for (const weights of [
    [1, 2, 3, 10],
    [100, 50, 25, 10],
    [1000, 500, 250, 20],
  ]) {
    const backends = samples(weights);
    const keys = 200_000;
    const counts = dealt(ringOf(backends), backends, keys, keyOf);
    const total = weights.reduce((sum, each) => sum + each, 0);
    for (const [at, weight] of weights.entries()) {
      const share = (counts[at]! * total) / (keys * weight);
      // The fewest points, five, differ by 1/sqrt(5 × 15) = 12 %.
      assert.ok(share > 0.7 && share < 1.3, `weight ${weight} of ${weights.join()}: ${share}`);
    }
  }
});

test("keys that move when a weight grows move to that backend", () => {
  const backends = samples([1, 1, 1, 0.2]);
  const ring = ringOf(backends);
  let before = placement(ring, 20_000);
  for (const weight of [0.5, 0.8, 1]) {
    backends[3]!.weight = weight;
    ring.update([...backends]);
    const after = placement(ring, 20_000);
    for (const [nth, url] of after.entries()) {
      assert.ok(url === before[nth] || url === backends[3]!.url);
    }
    before = after;
  }
});

test("all workers agree, in whatever order they learnt of the backends", () => {
  const before = placement(ringOf(samples([1, 2, 3, 1, 1])), 10_000);
  const reversed = samples([1, 2, 3, 1, 1]).reverse();
  const ring = ringOf([sample("gone"), ...reversed]);
  ring.update(reversed);
  assert.deepEqual(placement(ring, 10_000), before);
});

test("a key goes where it would go without those tried", () => {
  const backends = even(20);
  const ring = ringOf(backends);
  for (let nth = 0; nth < 60; nth++) {
    const key = keyOf(nth);
    const first = ring.pick(key, null)!;
    const second = ring.pick(key, [first])!;
    const without = ringOf(even(20).filter(({ url }) => url !== first.url));
    assert.equal(second.url, without.pick(key, null)!.url);
  }
});

test("no backend gets more than the bound times its share, though all ask for the same key", () => {
  const backends = samples([1, 1, 2]);
  const ring = ringOf(backends, 1.25);
  const random = chance(9);
  const running: Sample[] = [];
  for (let nth = 0; nth < 5000; nth++) {
    const picked = ring.pick(4711, null)!;
    picked.load += 1;
    ring.onChange(picked);
    running.push(picked);
    assert.ok(picked.load <= Math.max(8, Math.ceil((1.25 * running.length * picked.weight) / 4)));
    if (running.length < 100) continue;
    const [done] = running.splice(Math.floor(random() * running.length), 1);
    done!.load -= 1;
    ring.onChange(done!);
  }
});

test("what one client asks at once goes to one backend, though nobody else asks", () => {
  const backends = even(3);
  const ring = ringOf(backends, 1.25);
  const homes = Array.from({ length: 8 }, () => {
    const picked = ring.pick(4711, null)!;
    picked.load += 1;
    ring.onChange(picked);
    return picked.url;
  });
  assert.equal(new Set(homes).size, 1);
});

test("without a bound a key stays where it is, however loaded that one is", () => {
  const backends = even(5);
  const ring = ringOf(backends);
  const home = ring.pick(4711, null)!;
  home.load = 1e6;
  ring.onChange(home);
  assert.equal(ring.pick(4711, null), home);
});

test("when only full ones are left, a full one is picked", () => {
  const backends = even(3);
  backends[0]!.load = 100;
  backends[1]!.load = 100;
  const ring = ringOf(backends, 1.25);
  assert.equal(ring.pick(1, null), backends[2]);
  assert.notEqual(ring.pick(1, [backends[2]!]), undefined);
  assert.equal(ring.pick(1, backends), undefined);
});

test("without a key the less loaded of two is picked, in turn", () => {
  const backends = even(4);
  assert.deepEqual(dealt(ringOf(backends), backends, 40), [10, 10, 10, 10]);
});
