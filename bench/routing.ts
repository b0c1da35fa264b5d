// Claim: finding the route takes no longer than a microsecond, for one host or ten thousand, and for one path
// prefix or a thousand: nothing is searched one by one. (Ten thousand hosts cost two to five times what one
// does all the same; the suspect is the processor's caches.) Prints nanoseconds per match, the median of seven
// rounds that take turns.
//
// Every request's host and path is a new string, as it is after parsing, so hashing it is paid for.

import { performance } from "node:perf_hooks";
import { normaliseHost } from "../src/lib/host.ts";
import { routeOf } from "../test/harness/routes-sample.ts";
import { Table } from "../src/routing/table.ts";
import type { Subject } from "../src/routing/subject.ts";

interface Case {
  readonly name: string;
  readonly table: Table<number>;
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

const requests = 8192;
const rounds = 7;
const repeats = 8;

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

function caseOf(name: string, rules: readonly string[], host: string[], path: string[]): Case {
  let plans = 0;
  const routes = rules.map((rule, index) => routeOf(`r${index}`, rule));
  const table = Table.compile(routes, () => (plans += 1));
  const pick = (all: readonly string[], i: number): string => all[(i * 7919) % all.length] ?? "";
  return {
    name,
    table,
    hosts: numbers(requests).map((i) => pick(host, i)),
    paths: numbers(requests).map((i) => pick(path, i)),
  };
}

const hostNames = (count: number): string[] =>
  numbers(count).map((i) => `site-${String(i).padStart(5, "0")}.example.com`);
const pathNames = (count: number): string[] =>
  numbers(count).map((i) => `/team-${String(i).padStart(4, "0")}/items/42`);

function hostCase(count: number): Case {
  const names = hostNames(count);
  const rules = names.map((name) => `Host(\`${name}\`)`);
  return caseOf(`${count} hosts`, rules, names, ["/index.html"]);
}

function prefixCase(count: number): Case {
  const names = pathNames(count);
  const rules = names.map((name) => `Host(\`a.example\`) && PathPrefix(\`${name.slice(0, 11)}\`)`);
  return caseOf(`${count} prefixes of one host`, rules, ["a.example"], names);
}

function wildcardCase(count: number): Case {
  const names = hostNames(count);
  const rules = names.map((name) => `Host(\`*.${name}\`)`);
  const asked = names.map((name) => `www.${name}`);
  return caseOf(`${count} wildcard hosts`, rules, asked, ["/"]);
}

function rankedCase(count: number): Case {
  const names = hostNames(count);
  let plans = 0;
  const routes = names.map((name, i) => routeOf(name, `Host(\`${name}\`)`, i));
  const table = Table.compile(routes, () => (plans += 1));
  return { ...hostCase(count), name: `${count} hosts, each with a priority`, table };
}

/** Nanoseconds per match of one round. */
function measure({ table, hosts, paths }: Case): number {
  const subject = {
    method: "GET",
    path: "/",
    query: "",
    clientIp: "192.0.2.1",
    header: () => undefined,
  } satisfies Subject;
  let total = 0;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const freshHosts = hosts.map((host) => Buffer.from(host).toString("latin1"));
    const freshPaths = paths.map((path) => Buffer.from(path).toString("latin1"));
    let missed = 0;
    const start = performance.now();
    for (let i = 0; i < requests; i += 1) {
      subject.path = freshPaths[i] ?? "";
      const host = normaliseHost(freshHosts[i] ?? "") ?? "";
      if (table.match(host, subject) === undefined) missed += 1;
    }
    total += performance.now() - start;
    if (missed > 0) throw new Error(`${missed} requests found no route`);
  }
  return (total * 1e6) / (requests * repeats);
}

function main(): void {
  const cases = [
    ...[1, 100, 10_000].map(hostCase),
    ...[1, 1000].map(prefixCase),
    ...[1, 10_000].map(wildcardCase),
    rankedCase(10_000),
  ];
  for (const each of cases) measure(each); // warm up
  const results = cases.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, each] of cases.entries()) results[index]?.push(measure(each));
  }
  for (const [index, each] of cases.entries()) {
    const sorted = (results[index] ?? []).toSorted((a, b) => a - b);
    const median = sorted[rounds >> 1] ?? Number.NaN;
    process.stdout.write(`${each.name.padEnd(36)} ${median.toFixed(0).padStart(6)} ns per match\n`);
  }
}

main();
