// Claim: choosing a backend adds less than a microsecond to an exchange, and a thousand backends cost about
// as much as one; the ring of a thousand is made in a few milliseconds. Prints nanoseconds, the median of nine
// rounds that take turns: of a choice alone, and of one with the two changes of load that come with each
// exchange while twice as many exchanges are in flight as there are backends. A missed claim is printed
// and fails nothing.

import { performance } from "node:perf_hooks";
import type { Balance } from "../src/config/service.ts";
import { hashOf } from "../src/upstream/balance/hash.ts";
import { policyOf } from "../src/upstream/balance/policies.ts";
import type { Policy } from "../src/upstream/balance/policy.ts";
import { chance, type Sample, samples } from "../test/harness/weighed-sample.ts";

interface Case {
  readonly name: string;
  /** How often it is done in one round, and what takes longer misses the claim, ns. */
  readonly repeats: number;
  readonly limit: number;
  run(repeats: number): void;
}

const rounds = 9;
const picks = 100_000;
const pickLimit = 1000;
const buildLimit = 100e6;
const keyCount = 4096;

const random = chance(1);
const keys = Uint32Array.from({ length: keyCount }, () => random() * 2 ** 32);

const balances: readonly Balance[] = [
  { policy: "round-robin" },
  { policy: "two-random" },
  { policy: "least-connections" },
  { policy: "least-time" },
  { policy: "random" },
  { policy: "hash", key: { from: "path" }, bound: 0 },
  { policy: "hash", key: { from: "path" }, bound: 1.25 },
];

function nameOf(balance: Balance): string {
  return balance.policy === "hash" ? `hash, bound ${balance.bound}` : balance.policy;
}

function started(balance: Balance, weights: readonly number[]): Policy<Sample> {
  const backends = samples(weights);
  for (const backend of backends) backend.latency = 5 + 20 * random();
  const policy = policyOf<Sample>(balance);
  policy.update(backends);
  return policy;
}

function chosen(policy: Policy<Sample>, nth: number): Sample {
  const backend = policy.pick(keys[nth % keyCount]!, null);
  if (backend === undefined) throw new Error("nobody was chosen");
  return backend;
}

function pickCase(name: string, balance: Balance, weights: readonly number[]): Case {
  const policy = started(balance, weights);
  return {
    name: `${name}: choice`,
    repeats: picks,
    limit: pickLimit,
    run(repeats) {
      for (let nth = 0; nth < repeats; nth++) chosen(policy, nth);
    },
  };
}

function exchangeCase(name: string, balance: Balance, weights: readonly number[]): Case {
  const policy = started(balance, weights);
  const most = weights.length * 2;
  const inFlight = Array.from({ length: most }, (): Sample | undefined => undefined);
  return {
    name: `${name}: choice and changes`,
    repeats: picks,
    limit: pickLimit,
    run(repeats) {
      for (let nth = 0; nth < repeats; nth++) {
        const backend = chosen(policy, nth);
        backend.load += 1;
        policy.onChange?.(backend);
        // They end in any order.
        const place = keys[nth % keyCount]! % most;
        const done = inFlight[place];
        if (done !== undefined) {
          done.load -= 1;
          policy.onChange?.(done);
        }
        inFlight[place] = backend;
      }
    },
  };
}

/** The service's last backend leaves and comes back in turn, so that the ring is made each time. */
function buildCase(count: number): Case {
  const policy = policyOf<Sample>({ policy: "hash", key: { from: "path" }, bound: 1.25 });
  const all = samples(Array.from({ length: count }, () => 1));
  const fewer = all.slice(0, -1);
  return {
    name: `hash: ring of ${count} made`,
    repeats: 4,
    limit: buildLimit,
    run(repeats) {
      for (let nth = 0; nth < repeats; nth++) policy.update(nth % 2 === 0 ? all : fewer);
    },
  };
}

function hashCase(name: string, texts: readonly string[]): Case {
  let sum = 0;
  return {
    name: `hash of ${name}`,
    repeats: picks,
    limit: pickLimit,
    run(repeats) {
      for (let nth = 0; nth < repeats; nth++) sum += hashOf(texts[nth % texts.length]!);
      if (sum === 0) throw new Error("nothing was hashed");
    },
  };
}

/** Nanoseconds for one. */
function measure({ repeats, run }: Case): number {
  const start = performance.now();
  run(repeats);
  return ((performance.now() - start) * 1e6) / repeats;
}

function main(): void {
  const cases: Case[] = [];
  for (const balance of balances) {
    for (const [count, isEven] of [
      [1, true],
      [10, true],
      [1000, true],
      [1000, false],
    ] as const) {
      const weights = Array.from({ length: count }, (_, at) => (isEven ? 1 : 1 + (at % 10)));
      const name = `${nameOf(balance)}, ${count}${isEven ? "" : " of 10 weights"}`;
      cases.push(pickCase(name, balance, weights), exchangeCase(name, balance, weights));
    }
  }
  const numbers = Array.from({ length: keyCount }, (_, nth) => nth);
  cases.push(
    buildCase(1000),
    hashCase(
      "an address",
      numbers.map((nth) => `10.0.${nth >> 8}.${nth & 255}`),
    ),
    hashCase(
      "a path",
      numbers.map((nth) => `/shop/categories/${nth}/items/4711.html`),
    ),
  );
  for (const each of cases) measure(each); // warm up
  const results = cases.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of cases.entries()) results[index]!.push(measure(each));
  }
  let missed = 0;
  for (const [index, { name, limit }] of cases.entries()) {
    const median = results[index]!.toSorted((a, b) => a - b)[rounds >> 1]!;
    const isMissed = median >= limit;
    if (isMissed) missed += 1;
    const verdict = isMissed ? `  MISSED: not below ${limit}` : "";
    process.stdout.write(`${name.padEnd(58)} ${median.toFixed(0).padStart(8)} ns${verdict}\n`);
  }
  process.stdout.write(missed === 0 ? "the claim holds\n" : `${missed} figures miss the claim\n`);
}

main();
