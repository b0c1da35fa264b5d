// Entries by the host they are for. What the index before has of a host is taken over unless an entry of that
// host came or went, so that one changed route among ten thousand costs little.

import type { Entry } from "./entry.ts";
import { compareEntries } from "./entry.ts";
import { bestOfPaths, pathIndexOf } from "./path-index.ts";
import type { PathIndex } from "./path-index.ts";
import { PrefixTree } from "./prefix-tree.ts";
import type { Subject } from "./subject.ts";
import { isWildcard } from "./term.ts";

export interface HostIndex<T> {
  readonly exact: Indexes<T>;
  /** Wildcards by what follows the `*`. */
  readonly endings: Indexes<T>;
  /** The same, from their ends. */
  readonly wildcards: PrefixTree<PathIndex<T>> | undefined;
  readonly patterns: PathIndex<T> | undefined;
  readonly any: PathIndex<T> | undefined;
}

type Indexes<T> = ReadonlyMap<string, PathIndex<T>>;

/** Entries by host, each list in the order they came. */
interface Groups<T> {
  readonly exact: Map<string, Entry<T>[]>;
  readonly endings: Map<string, Entry<T>[]>;
  readonly patterns: Entry<T>[];
  readonly any: Entry<T>[];
}

/** An index to build upon, and the entries that came, went or moved since. */
export interface Basis<T> {
  readonly index: HostIndex<T>;
  readonly changed: readonly Entry<T>[];
}

/** `entries` are all there are, in the order of configuration. */
export function hostIndexOf<T>(
  entries: readonly Entry<T>[],
  basis: Basis<T> | undefined,
): HostIndex<T> {
  if (basis === undefined) return indexOfGroups(groupsOf(entries));
  const { index, changed } = basis;
  if (changed.length === 0) return index;
  const touched = groupsOf(changed);
  const groups = groupsOf(entries.filter((entry) => isTouched(entry, touched)));
  const endings = patched(index.endings, touched.endings, groups.endings);
  return {
    exact: patched(index.exact, touched.exact, groups.exact),
    endings,
    wildcards: touched.endings.size === 0 ? index.wildcards : treeOf(endings),
    patterns: touched.patterns.length === 0 ? index.patterns : indexOf(groups.patterns),
    any: touched.any.length === 0 ? index.any : indexOf(groups.any),
  };
}

function indexOfGroups<T>({ exact, endings, patterns, any }: Groups<T>): HostIndex<T> {
  const byEnding = patched(new Map(), new Map(), endings);
  return {
    exact: patched(new Map(), new Map(), exact),
    endings: byEnding,
    wildcards: treeOf(byEnding),
    patterns: indexOf(patterns),
    any: indexOf(any),
  };
}

function groupsOf<T>(entries: readonly Entry<T>[]): Groups<T> {
  const groups: Groups<T> = { exact: new Map(), endings: new Map(), patterns: [], any: [] };
  for (const entry of entries) {
    const { host } = entry.term;
    if (host === undefined) groups.any.push(entry);
    else if (host.kind === "hostRegexp") groups.patterns.push(entry);
    else if (isWildcard(host)) add(groups.endings, endingOf(host.host), entry);
    else add(groups.exact, host.host, entry);
  }
  return groups;
}

function add<T>(groups: Map<string, Entry<T>[]>, key: string, entry: Entry<T>): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [entry]);
  else group.push(entry);
}

function isTouched<T>({ term: { host } }: Entry<T>, touched: Groups<T>): boolean {
  if (host === undefined) return touched.any.length > 0;
  if (host.kind === "hostRegexp") return touched.patterns.length > 0;
  if (isWildcard(host)) return touched.endings.has(endingOf(host.host));
  return touched.exact.has(host.host);
}

function endingOf(wildcard: string): string {
  return wildcard.slice(1);
}

function patched<T>(
  before: Indexes<T>,
  touched: ReadonlyMap<string, unknown>,
  groups: ReadonlyMap<string, readonly Entry<T>[]>,
): Indexes<T> {
  if (before.size > 0 && touched.size === 0) return before;
  const indexes = new Map(before);
  for (const key of touched.keys()) indexes.delete(key);
  for (const [key, group] of groups) indexes.set(key, pathIndexOf(sorted(group)));
  return indexes;
}

function indexOf<T>(group: readonly Entry<T>[]): PathIndex<T> | undefined {
  return group.length === 0 ? undefined : pathIndexOf(sorted(group));
}

function sorted<T>(group: readonly Entry<T>[]): readonly Entry<T>[] {
  return group.length === 1 ? group : group.toSorted(compareEntries);
}

function treeOf<T>(endings: Indexes<T>): PrefixTree<PathIndex<T>> | undefined {
  if (endings.size === 0) return undefined;
  const tree = new PrefixTree<PathIndex<T>>(true);
  for (const [ending, index] of endings) tree.at(ending, () => index);
  return tree;
}

// Hot: bench/routing.ts
/** From the most to the least specific host; the first entry that claims the request is the best. */
export function firstOfHosts<T>(
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
export function bestOfHosts<T>(
  index: HostIndex<T>,
  host: string,
  subject: Subject,
): Entry<T> | undefined {
  const exact = index.exact.get(host);
  let best = exact === undefined ? undefined : bestOfPaths(exact, host, subject, undefined);
  let node = index.wildcards?.deepest(host);
  for (; node !== undefined; node = node.parent) {
    if (node.value !== undefined) best = bestOfPaths(node.value, host, subject, best);
  }
  if (index.patterns !== undefined) best = bestOfPaths(index.patterns, host, subject, best);
  return index.any === undefined ? best : bestOfPaths(index.any, host, subject, best);
}
