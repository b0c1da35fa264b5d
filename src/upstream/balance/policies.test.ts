import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Balance } from "../../config/service.ts";
import { type Sample, sample } from "../../../test/harness/weighed-sample.ts";
import { policyOf } from "./policies.ts";

const key = { from: "path" } as const;
const balances: readonly Balance[] = [
  { policy: "round-robin" },
  { policy: "two-random" },
  { policy: "least-connections" },
  { policy: "least-time" },
  { policy: "random" },
  { policy: "hash", key, bound: 0 },
  { policy: "hash", key, bound: 1.25 },
];

/** Something that happens to a service; numbers are taken as places in a list, round and round. */
type Step =
  | { readonly kind: "update"; readonly weights: readonly (number | undefined)[] }
  | { readonly kind: "pick"; readonly key: number; readonly tried: readonly number[] }
  | {
      readonly kind: "change";
      readonly at: number;
      readonly load: number;
      readonly latency: number;
    };

const weight = fc.oneof(
  fc.constant(1),
  fc.integer({ min: 1, max: 1000 }),
  fc.double({ min: 0.001, max: 3, noNaN: true }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("update" as const),
    weights: fc
      .array(fc.option(weight, { nil: undefined }), { minLength: 6, maxLength: 6 })
      .filter((all) => all.some((each) => each !== undefined)),
  }),
  fc.record({
    kind: fc.constant("pick" as const),
    key: fc.oneof(fc.constant(Number.NaN), fc.nat(0xffffffff)),
    tried: fc.array(fc.nat(5), { maxLength: 7 }),
  }),
  fc.record({
    kind: fc.constant("change" as const),
    at: fc.nat(5),
    load: fc.nat(50),
    latency: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 1e5, noNaN: true })),
  }),
);

for (const balance of balances) {
  const name = balance.policy === "hash" ? `hash with bound ${balance.bound}` : balance.policy;

  test(`${name} picks one of the last update that was not tried, unless all were`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const policy = policyOf<Sample>(balance);
        const all = Array.from({ length: 6 }, (_, at) => sample(at));
        let now: readonly Sample[] = [all[0]!];
        policy.update(now);
        for (const each of steps) {
          if (each.kind === "update") {
            now = all.filter((_, at) => each.weights[at] !== undefined);
            for (const [at, backend] of all.entries()) backend.weight = each.weights[at] ?? 1;
            policy.update(now);
            for (const backend of all) assert.ok(backend.place < 0 || now.includes(backend));
          } else if (each.kind === "change") {
            const backend = all[each.at]!;
            Object.assign(backend, { load: each.load, latency: each.latency });
            policy.onChange?.(backend);
          } else {
            const tried = each.tried.map((at) => all[at]!);
            const picked = policy.pick(each.key, tried.length > 0 ? tried : null);
            if (picked === undefined) assert.ok(now.every((backend) => tried.includes(backend)));
            else assert.ok(now.includes(picked) && !tried.includes(picked));
          }
        }
      }),
    );
  });

  test(`${name} asks every backend in turn when each one fails`, () => {
    const backends = Array.from({ length: 9 }, (_, at) => sample(at, at + 1));
    const policy = policyOf<Sample>(balance);
    policy.update(backends);
    const tried: Sample[] = [];
    for (;;) {
      const next = policy.pick(4711, tried);
      if (next === undefined) break;
      tried.push(next);
      assert.ok(tried.length <= 9);
    }
    assert.equal(new Set(tried).size, 9);
  });
}
