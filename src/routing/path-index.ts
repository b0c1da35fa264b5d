// The entries of one host, or of all that name no host. A few are asked one after the other, which is as fast
// as a tree and takes a fraction of its memory; of many, a tree finds the paths that fit.

import { isBoundary } from "./condition.ts";
import { hasPath, passes } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { PrefixTree } from "./prefix-tree.ts";
import type { TreeNode } from "./prefix-tree.ts";
import type { Subject } from "./subject.ts";

type Bucket<T> = readonly Entry<T>[];

interface PathNode<T> {
  readonly exact: Entry<T>[];
  readonly prefix: Entry<T>[];
}

export interface PathIndex<T> {
  /** All, in their order. */
  readonly entries: Bucket<T>;
  /** undefined = there are so few that they are tried in their order. */
  readonly tree: PrefixTree<PathNode<T>> | undefined;
  /** Beside the tree: PathRegexp, then any path. */
  readonly rest: Bucket<T>;
  /** The host's only answer, whatever the request. */
  readonly only: Entry<T> | undefined;
}

const maxListed = 4;

/** `entries` come in their order, so every bucket is filled in order too. */
export function pathIndexOf<T>(entries: Bucket<T>): PathIndex<T> {
  const [first] = entries;
  const isOnly = first !== undefined && first.term.path === undefined && first.checks.length === 0;
  const only = isOnly ? first : undefined;
  if (entries.length <= maxListed) return { entries, tree: undefined, rest: entries, only };
  const tree = new PrefixTree<PathNode<T>>(false);
  const rest: Entry<T>[] = [];
  for (const entry of entries) {
    const { path } = entry.term;
    if (path === undefined || path.kind === "pathRegexp") rest.push(entry);
    else if (path.kind === "path") tree.at(path.path, newPathNode).exact.push(entry);
    else tree.at(path.prefix, newPathNode).prefix.push(entry);
  }
  return { entries, tree, rest, only };
}

function newPathNode<T>(): PathNode<T> {
  return { exact: [], prefix: [] };
}

// Hot: bench/routing.ts
/**
 * The better one of `best` and the best entry here that claims the request. Where entries have no
 * priorities, `best` is undefined and the first hit ends the search: no later bucket is better.
 */
export function bestOfPaths<T>(
  index: PathIndex<T>,
  host: string,
  subject: Subject,
  best: Entry<T> | undefined,
): Entry<T> | undefined {
  if (index.tree === undefined) return bestOfList(index.entries, host, subject, best);
  const { path } = subject;
  let found = best;
  let node: TreeNode<PathNode<T>> | undefined = index.tree.deepest(path);
  if (node.depth === path.length && node.value !== undefined) {
    found = bestOfBucket(node.value.exact, host, subject, path.length, found);
  }
  for (; node !== undefined; node = node.parent) {
    if (node.value === undefined) continue;
    found = bestOfBucket(node.value.prefix, host, subject, node.depth, found);
  }
  return bestOfBucket(index.rest, host, subject, path.length, found);
}

function bestOfList<T>(
  entries: Bucket<T>,
  host: string,
  subject: Subject,
  best: Entry<T> | undefined,
): Entry<T> | undefined {
  for (let i = 0; i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry === undefined || (best !== undefined && entry.rank >= best.rank)) return best;
    if (hasPath(entry, subject.path) && passes(entry.checks, host, subject)) return entry;
  }
  return best;
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
    // Entries without a priority are all of rank 0: what was found first stays.
    if (entry === undefined || (best !== undefined && entry.rank >= best.rank)) return best;
    const isInside =
      !entry.segment || depth === subject.path.length || isBoundary(subject.path, depth);
    if (isInside && passes(entry.checks, host, subject)) return entry;
  }
  return best;
}
