// Which routes a request could have gone to, and what kept it from each: for people who ask why. Order and verdicts are the
// table's own; nothing is matched here in another way.

import { explainLimits } from "../config/explain-limits.ts";
import { formatRule, type Rule } from "../config/rule.ts";
import type { Route } from "../config/snapshot.ts";
import { conditionOf } from "./condition.ts";
import { hasPath, type Entry } from "./entry.ts";
import { whyBetter, whyNot } from "./explain-words.ts";
import type { HostIndex } from "./host-index.ts";
import type { Subject } from "./subject.ts";
import type { Table } from "./table.ts";
import { type Term, termsOf } from "./term.ts";

export interface Candidate {
  readonly route: Route;
  /** `outranked`: it would take the request too, and another one comes first. */
  readonly outcome: "wins" | "outranked" | "fails";
  /** The condition that failed first; "" = none did. */
  readonly clause: string;
  /** A sentence. */
  readonly why: string;
}

export interface Candidates {
  /** The most telling first. */
  readonly told: readonly Candidate[];
  /** So many more routes were possible for this host. */
  readonly more: number;
}

/** How far a request gets into an entry; what holds to the end has no failed rule. */
interface Verdict<T> {
  readonly entry: Entry<T>;
  readonly failed: Rule | undefined;
  /** 0: the host fails, 1: the path, 2 and more: a further condition. */
  readonly stage: number;
  /** Characters that its path and the one asked for begin with, where the path fails. */
  readonly shared: number;
}

/** In the order in which the table prefers them; the first that holds is what `match` finds. */
export function* entriesFor<T>(table: Table<T>, host: string): Generator<Entry<T>> {
  const { ranked, plain } = table.indexes;
  if (ranked !== undefined) {
    yield* [...entriesOf(ranked, host)].toSorted((a, b) => a.rank - b.rank);
  }
  yield* entriesOf(plain, host);
}

function* entriesOf<T>(index: HostIndex<T>, host: string): Generator<Entry<T>> {
  yield* index.exact.get(host)?.entries ?? [];
  let node = index.wildcards?.deepest(host);
  for (; node !== undefined; node = node.parent) yield* node.value?.entries ?? [];
  yield* index.patterns?.entries ?? [];
  yield* index.any?.entries ?? [];
}

/** An exact host and a wildcard hold: the index led here. */
export function verdictOn<T>(entry: Entry<T>, host: string, subject: Subject): Verdict<T> {
  const { term, checks } = entry;
  if (!hasPath(entry, subject.path)) {
    return { entry, failed: term.path, stage: 1, shared: sharedWith(term.path, subject.path) };
  }
  const at = checks.length === 0 ? -1 : checks.findIndex((check) => !check(host, subject));
  if (at === -1) return { entry, failed: undefined, stage: Infinity, shared: 0 };
  const failed = checkedRules(entry)[at];
  if (failed === term.host) return { entry, failed, stage: 0, shared: 0 };
  return { entry, failed, stage: failed === term.path ? 1 : 2 + at, shared: 0 };
}

/** What each of its checks stands for. */
function checkedRules<T>({ term }: Entry<T>): readonly (Rule | undefined)[] {
  const { host, path, conditions } = term;
  return [
    ...(host?.kind === "hostRegexp" ? [host] : []),
    ...(path?.kind === "pathRegexp" ? [path] : []),
    ...conditions,
  ];
}

/** @param taken what the table finds, where that is known already */
export function candidatesOf(
  table: Table<Route>,
  host: string,
  subject: Subject,
  taken: Route | undefined = table.match(host, subject),
): Candidates {
  const all = new Set<Route>();
  let best: Verdict<Route>[] = [];
  let winner: Entry<Route> | undefined;
  let checked = 0;
  for (const entry of entriesFor(table, host)) {
    const { route, checks } = entry;
    all.add(route);
    const isCheap = checks.length === 0 || route === taken;
    if (!isCheap && checked++ >= explainLimits.checked) continue;
    const verdict = verdictOn(entry, host, subject);
    if (verdict.failed === undefined && route === taken) winner ??= entry;
    best.push(verdict);
    if (best.length >= mostKept) best = bestOf(best, taken);
  }
  const told = bestOf(best, taken);
  return {
    told: told.map((each) => candidateOf(each, winner, host, subject)),
    more: all.size - told.length,
  };
}

/** Thinned out when there are so many: sorting all of ten thousand takes longer than looking at them. */
const mostKept = 512;

/** The most telling ones, one for each route. */
function bestOf(all: readonly Verdict<Route>[], taken: Route | undefined): Verdict<Route>[] {
  const told = new Map<Route, Verdict<Route>>();
  for (const each of all.toSorted((a, b) => compare(a, b, taken))) {
    if (told.size >= explainLimits.candidates) break;
    if (!told.has(each.entry.route)) told.set(each.entry.route, each);
  }
  return [...told.values()];
}

/** What a route outside of them lacks: for who expected it. */
export function whyNotRoute(route: Route, host: string, subject: Subject): string {
  const failed = termsOf(route.rule).flatMap(({ host: name, path, conditions }) => {
    const asked = [name, path, ...conditions].filter((each) => each !== undefined);
    const at = asked.findIndex((each) => !conditionOf(each)(host, subject));
    const rule = asked[at];
    return rule === undefined ? [] : [{ rule, at }];
  });
  const best = failed.toSorted((a, b) => b.at - a.at)[0];
  return best === undefined
    ? "it would take the request, and another one comes first"
    : `${formatRule(best.rule)}: ${whyNot(best.rule, host, subject)}`;
}

function candidateOf<T>(
  { entry, failed }: Verdict<T>,
  winner: Entry<T> | undefined,
  host: string,
  subject: Subject,
): Candidate {
  const { route } = entry;
  if (failed !== undefined) {
    const why = whyNot(failed, host, subject);
    return { route, outcome: "fails", clause: formatRule(failed), why };
  }
  if (winner === undefined || route === winner.route) {
    return { route, outcome: "wins", clause: "", why: "" };
  }
  return { route, outcome: "outranked", clause: "", why: whyBetter(winner, entry) };
}

/** The winner, then those that would do, then those that nearly did. Sorting is stable: else in the order of the table. */
function compare(a: Verdict<Route>, b: Verdict<Route>, taken: Route | undefined): number {
  if (a.stage !== b.stage) return b.stage > a.stage ? 1 : -1;
  const isTaken = (each: Verdict<Route>) => Number(each.entry.route === taken);
  return isTaken(b) - isTaken(a) || b.shared - a.shared;
}

function sharedWith(own: Term["path"], path: string): number {
  if (own === undefined || own.kind === "pathRegexp") return 0;
  const text = own.kind === "path" ? own.path : own.prefix;
  let at = 0;
  while (at < text.length && text.charCodeAt(at) === path.charCodeAt(at)) at += 1;
  return at;
}

/** A host that there is, a slip away from the one asked for: one letter more, less or another one, or two swapped. */
export function hostNear<T>(table: Table<T>, host: string): string | undefined {
  const { ranked, plain } = table.indexes;
  for (const index of [plain, ranked]) {
    for (const known of index?.exact.keys() ?? []) if (isSlip(host, known)) return known;
  }
  return undefined;
}

/** Allocates nothing: there may be ten thousand. */
function isSlip(a: string, b: string): boolean {
  const longer = Math.max(a.length, b.length);
  const shorter = Math.min(a.length, b.length);
  if (longer - shorter > 1 || shorter < 3) return false;
  let start = 0;
  while (start < shorter && a.charCodeAt(start) === b.charCodeAt(start)) start += 1;
  let end = 0;
  while (
    end < shorter - start &&
    a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)
  ) {
    end += 1;
  }
  const left = longer - start - end;
  const isSwapped =
    a.length === b.length && left === 2 && a[start] === b[start + 1] && a[start + 1] === b[start];
  return left <= 1 || isSwapped;
}
