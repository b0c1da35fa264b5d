// A snapshot's routes, filed so that finding the one for a request searches nothing one by one, with one host
// or ten thousand. Looking up host and path allocates nothing; some further conditions do.
//
// The order, most specific first: exact host, longest `*.` wildcard (of any depth), HostRegexp, any host;
// within a host: exact path, longest prefix, PathRegexp, any path; then the route with more further
// conditions; then the one configured first. When none of a host's paths fits, the next less specific
// host is tried: what `*.example.com/static` promises also holds for a.example.com, unless that says
// otherwise. Routes with an explicit priority come before all others, highest first, and by the same
// order among equals.

import type { Route } from "../config/snapshot.ts";
import { conditionOf, isBoundary } from "./condition.ts";
import type { Condition } from "./condition.ts";
import { PrefixTree } from "./prefix-tree.ts";
import type { TreeNode } from "./prefix-tree.ts";
import type { Subject } from "./subject.ts";
import { compareHosts, comparePaths, isWildcard, termsOf } from "./term.ts";
import type { Term } from "./term.ts";

export type { Subject } from "./subject.ts";

// Hot: bench/routing.ts
export class Table<T> {
  readonly size: number;
  /** undefined when no route has a priority, so that nobody pays for the search. */
  readonly #ranked: HostIndex<T> | undefined;
  readonly #plain: HostIndex<T>;

  private constructor(routes: readonly Route[], planOf: (route: Route) => T) {
    const entries = entriesOf(routes, planOf);
    const ranked = entries.filter((entry) => entry.route.priority !== undefined);
    this.size = routes.length;
    this.#ranked = ranked.length === 0 ? undefined : hostIndexOf(ranked);
    this.#plain = hostIndexOf(entries.filter((entry) => entry.route.priority === undefined));
  }

  /** `planOf` is asked once for every route. */
  static compile<T>(routes: readonly Route[], planOf: (route: Route) => T): Table<T> {
    return new Table(routes, planOf);
  }

  /** `host` is normalised; "" when the request has none. */
  match(host: string, subject: Subject): T | undefined {
    if (this.#ranked !== undefined) {
      const best = bestOfHosts(this.#ranked, host, subject);
      if (best !== undefined) return best.plan;
    }
    const exact = this.#plain.exact.get(host);
    if (exact?.only !== undefined) return exact.only.plan;
    return firstOfHosts(this.#plain, exact, host, subject)?.plan;
  }
}

interface Entry<T> {
  readonly route: Route;
  readonly term: Term;
  readonly plan: T;
  /** Place in the order of all entries; lower goes first. */
  rank: number;
  readonly checks: readonly Condition[];
  /** A prefix that must end where a path segment does. */
  readonly segment: boolean;
}

type Bucket<T> = Entry<T>[];

interface PathNode<T> {
  readonly exact: Bucket<T>;
  readonly prefix: Bucket<T>;
}

interface PathIndex<T> {
  /** undefined when the host has neither exact paths nor prefixes. */
  tree: PrefixTree<PathNode<T>> | undefined;
  /** PathRegexp, then any path. */
  readonly rest: Bucket<T>;
  /** The host's only answer, whatever the request. */
  only: Entry<T> | undefined;
}

interface HostIndex<T> {
  readonly exact: Map<string, PathIndex<T>>;
  /** By what follows the `*`, from its end. */
  readonly wildcards: PrefixTree<PathIndex<T>> | undefined;
  readonly patterns: PathIndex<T> | undefined;
  readonly any: PathIndex<T> | undefined;
}

function entriesOf<T>(routes: readonly Route[], planOf: (route: Route) => T): readonly Entry<T>[] {
  const entries: Entry<T>[] = [];
  for (const route of routes) {
    const plan = planOf(route);
    for (const term of termsOf(route.rule)) {
      const keys = [term.host, term.path].filter(
        (key) => key?.kind === "hostRegexp" || key?.kind === "pathRegexp",
      );
      const checks = [...keys.filter((key) => key !== undefined), ...term.conditions];
      entries.push({
        route,
        term,
        plan,
        rank: 0,
        checks: checks.map(conditionOf),
        segment: term.path?.kind === "pathPrefix" && term.path.segment,
      });
    }
  }
  // The sort is stable: among equals the one configured first stays first.
  const sorted = entries.toSorted(compareEntries);
  for (const [rank, entry] of sorted.entries()) entry.rank = rank;
  return sorted;
}

function compareEntries<T>(a: Entry<T>, b: Entry<T>): number {
  return (
    comparePriorities(a.route.priority, b.route.priority) ||
    compareHosts(a.term.host, b.term.host) ||
    comparePaths(a.term.path, b.term.path) ||
    b.term.conditions.length - a.term.conditions.length
  );
}

function comparePriorities(a: number | undefined, b: number | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : b - a;
}

/** The entries come in their order, so every bucket is filled in order too. */
function hostIndexOf<T>(entries: readonly Entry<T>[]): HostIndex<T> {
  const exact = new Map<string, PathIndex<T>>();
  let wildcards: PrefixTree<PathIndex<T>> | undefined;
  let patterns: PathIndex<T> | undefined;
  let any: PathIndex<T> | undefined;
  for (const entry of entries) {
    const { host } = entry.term;
    if (host === undefined) {
      any ??= newPathIndex();
      file(any, entry);
    } else if (host.kind === "hostRegexp") {
      patterns ??= newPathIndex();
      file(patterns, entry);
    } else if (isWildcard(host)) {
      wildcards ??= new PrefixTree(true);
      file(wildcards.at(host.host.slice(1), newPathIndex), entry);
    } else {
      const index = exact.get(host.host) ?? newPathIndex();
      exact.set(host.host, index);
      file(index, entry);
    }
  }
  for (const index of exact.values()) {
    const [first] = index.rest;
    if (index.tree === undefined && first?.checks.length === 0) index.only = first;
  }
  return { exact, wildcards, patterns, any };
}

function newPathIndex<T>(): PathIndex<T> {
  return { tree: undefined, rest: [], only: undefined };
}

function newPathNode<T>(): PathNode<T> {
  return { exact: [], prefix: [] };
}

function file<T>(index: PathIndex<T>, entry: Entry<T>): void {
  const { path } = entry.term;
  if (path === undefined || path.kind === "pathRegexp") {
    index.rest.push(entry);
    return;
  }
  index.tree ??= new PrefixTree(false);
  if (path.kind === "path") index.tree.at(path.path, newPathNode).exact.push(entry);
  else index.tree.at(path.prefix, newPathNode).prefix.push(entry);
}

/** From the most to the least specific host; the first entry that claims the request is the best. */
function firstOfHosts<T>(
  index: HostIndex<T>,
  exact: PathIndex<T> | undefined,
  host: string,
  subject: Subject,
): Entry<T> | undefined {
  if (exact !== undefined) {
    const found = bestOfPaths(exact, host, subject, undefined);
    if (found !== undefined) return found;
  }
  let node = index.wildcards?.deepest(host);
  for (; node !== undefined; node = node.parent) {
    if (node.value === undefined) continue;
    const found = bestOfPaths(node.value, host, subject, undefined);
    if (found !== undefined) return found;
  }
  if (index.patterns !== undefined) {
    const found = bestOfPaths(index.patterns, host, subject, undefined);
    if (found !== undefined) return found;
  }
  return index.any === undefined ? undefined : bestOfPaths(index.any, host, subject, undefined);
}

/** With priorities any host may hold the best entry, so all that fit are searched. */
function bestOfHosts<T>(index: HostIndex<T>, host: string, subject: Subject): Entry<T> | undefined {
  const exact = index.exact.get(host);
  let best = exact === undefined ? undefined : bestOfPaths(exact, host, subject, undefined);
  let node = index.wildcards?.deepest(host);
  for (; node !== undefined; node = node.parent) {
    if (node.value !== undefined) best = bestOfPaths(node.value, host, subject, best);
  }
  if (index.patterns !== undefined) best = bestOfPaths(index.patterns, host, subject, best);
  return index.any === undefined ? best : bestOfPaths(index.any, host, subject, best);
}

/**
 * The best of `best` and what this host holds. Without priorities the buckets come in the order of
 * ranks, so the first hit ends the search: no later bucket's first rank is lower.
 */
function bestOfPaths<T>(
  index: PathIndex<T>,
  host: string,
  subject: Subject,
  best: Entry<T> | undefined,
): Entry<T> | undefined {
  const { path } = subject;
  let found = best;
  let node: TreeNode<PathNode<T>> | undefined = index.tree?.deepest(path);
  if (node?.depth === path.length && node.value !== undefined) {
    found = bestOfBucket(node.value.exact, host, subject, path.length, found);
  }
  for (; node !== undefined; node = node.parent) {
    if (node.value === undefined) continue;
    found = bestOfBucket(node.value.prefix, host, subject, node.depth, found);
  }
  return bestOfBucket(index.rest, host, subject, path.length, found);
}

function bestOfBucket<T>(
  bucket: Bucket<T>,
  host: string,
  subject: Subject,
  depth: number,
  best: Entry<T> | undefined,
): Entry<T> | undefined {
  for (let i = 0; i < bucket.length; i += 1) {
    const entry = bucket[i];
    if (entry === undefined || (best !== undefined && entry.rank > best.rank)) return best;
    const isInside =
      !entry.segment || depth === subject.path.length || isBoundary(subject.path, depth);
    if (isInside && passes(entry.checks, host, subject)) return entry;
  }
  return best;
}

function passes(checks: readonly Condition[], host: string, subject: Subject): boolean {
  for (let i = 0; i < checks.length; i += 1) {
    const check = checks[i];
    if (check !== undefined && !check(host, subject)) return false;
  }
  return true;
}
