// Backends as a balancing policy sees them, for tests and benches of balancing, and chance that is the same
// in every run.

import type { Policy, Weighed } from "../../src/upstream/balance/policy.ts";

export interface Sample extends Weighed {
  weight: number;
  load: number;
  latency: number;
}

export function sample(name: number | string, weight = 1): Sample {
  return { url: `http://10.0.0.${name}:8080`, weight, load: 0, latency: 0, place: -1 };
}

export function samples(weights: readonly number[]): Sample[] {
  return weights.map((weight, index) => sample(index, weight));
}

export function even(count: number): Sample[] {
  return samples(Array.from({ length: count }, () => 1));
}

/** How often each was picked, by its place in the list. */
export function dealt(
  policy: Policy<Sample>,
  backends: readonly Sample[],
  picks: number,
  keys: (nth: number) => number = () => Number.NaN,
): number[] {
  const counts = backends.map(() => 0);
  for (let nth = 0; nth < picks; nth++) {
    const at = backends.indexOf(policy.pick(keys(nth), null)!);
    counts[at]! += 1;
  }
  return counts;
}

/** Uniform, 0 up to 1, and the same numbers for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
