import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { chance, dealt, even, samples, type Sample } from "../../../test/harness/weighed-sample.ts";
import { LeastConnections, LeastTime } from "./least.ts";

const none = Number.NaN;

function started<P extends LeastConnections<Sample>>(policy: P, backends: readonly Sample[]): P {
  policy.update(backends);
  return policy;
}

test("the least loaded for its weight is picked, whatever happened before", () => {
  const change = fc.tuple(fc.nat(9), fc.nat(30), fc.array(fc.nat(9), { maxLength: 4 }));
  const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(weights, fc.array(change, { minLength: 10 }), (all, changes) => {
      const backends = samples(all);
      const policy = started(new LeastConnections<Sample>(), backends);
      for (const [at, load, skipped] of changes) {
        backends[at]!.load = load;
        policy.onChange(backends[at]!);
        const tried = skipped.map((each) => backends[each]!);
        const picked = policy.pick(none, tried)!;
        const left = backends.filter((each) => !tried.includes(each));
        const least = Math.min(...left.map((each) => each.load / each.weight));
        assert.equal(picked.load / picked.weight, least);
      }
    }),
  );
});

test("equals are dealt by weight", () => {
  const backends = samples([3, 1, 4]);
  const policy = started(new LeastConnections<Sample>(() => 0), backends);
  assert.deepEqual(dealt(policy, backends, 8), [3, 1, 4]);
  assert.deepEqual(dealt(policy, backends, 800), [300, 100, 400]);
});

test("who was busy for long has no claim to many in a row", () => {
  const backends = even(3);
  const policy = started(new LeastConnections<Sample>(), backends);
  backends[0]!.load = 9;
  policy.onChange(backends[0]!);
  assert.deepEqual(dealt(policy, backends, 1000), [0, 500, 500]);
  backends[0]!.load = 0;
  policy.onChange(backends[0]!);
  const [first = 0] = dealt(policy, backends, 30);
  assert.ok(first >= 10 && first <= 11, `${first}`);
});

test("news of a backend that is not there changes nothing", () => {
  const [stays, leaves] = even(2);
  const policy = started(new LeastConnections<Sample>(), [stays!, leaves!]);
  policy.update([stays!]);
  assert.equal(leaves!.place, -1);
  policy.onChange(leaves!);
  assert.equal(policy.pick(none, null), stays);
});

test("the one that promises the earliest answer is picked", () => {
  const backends = even(3);
  for (const [at, latency] of [30, 10, 21].entries()) backends[at]!.latency = latency;
  const policy = new LeastTime<Sample>();
  policy.update(backends);
  const picks: number[] = [];
  for (let nth = 0; nth < 6; nth++) {
    const picked = policy.pick(none, null)!;
    picks.push(backends.indexOf(picked));
    picked.load += 1;
    policy.onChange(picked);
  }
  // 10, 20, 21, then 30 of two of them, one after the other, then 40.
  assert.deepEqual(
    [...picks.slice(0, 3), ...picks.slice(3, 5).toSorted((a, b) => a - b), picks[5]],
    [1, 1, 2, 0, 1, 1],
  );
});

test("a newcomer is asked soon, but gets little until it has answered", () => {
  const backends = even(10);
  for (const backend of backends) backend.latency = 10;
  const newcomer = backends[4]!;
  newcomer.latency = 0;
  const policy = new LeastTime<Sample>(chance(1));
  policy.update(backends);
  const running: Sample[] = [];
  const random = chance(2);
  let asked = -1;
  for (let nth = 0; nth < 5000; nth++) {
    const picked = policy.pick(none, null)!;
    picked.load += 1;
    policy.onChange(picked);
    if (picked === newcomer && asked < 0) asked = nth;
    // It never answers; of the others 30 are in flight at any time.
    if (picked !== newcomer) running.push(picked);
    if (running.length < 30) continue;
    const [done] = running.splice(Math.floor(random() * running.length), 1);
    done!.load -= 1;
    policy.onChange(done!);
  }
  assert.ok(asked >= 0 && asked < 10, `asked first at ${asked}`);
  assert.ok(newcomer.load <= 6, `${newcomer.load} wait for an answer that never comes`);
});

test("while nobody has answered the load decides", () => {
  const backends = even(5);
  const policy = new LeastTime<Sample>();
  policy.update(backends);
  for (let nth = 0; nth < 100; nth++) {
    const picked = policy.pick(none, null)!;
    picked.load += 1;
    policy.onChange(picked);
  }
  assert.deepEqual(
    backends.map(({ load }) => load),
    [20, 20, 20, 20, 20],
  );
});

test("a backend that was slow once is asked again now and then, one exchange at a time", () => {
  const backends = even(4);
  for (const backend of backends) backend.latency = 5;
  const slow = backends[2]!;
  slow.latency = 60_000;
  const policy = new LeastTime<Sample>();
  policy.update(backends);
  const counts = dealt(policy, backends, 128 * 400);
  assert.equal(counts[2], 100);
  slow.load = 1;
  policy.onChange(slow);
  assert.equal(dealt(policy, backends, 128 * 400)[2], 0);
});
