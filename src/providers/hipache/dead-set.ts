// `dead:HOST`, a set of numbers with an end: which backends of a list are left alone, whoever found that out. The
// host is always the requested one. Where that is below a wildcard, a mark counts for all that the wildcard serves.

import { isDeepStrictEqual } from "node:util";
import { hipacheLimits as limits } from "../../config/provider-limits.ts";
import type { DeadBackend } from "../provider.ts";
import { type Frontend, mostLabels } from "./frontend.ts";

export interface DeadSet {
  readonly indexes: readonly number[];
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** @param pttl as Redis says it: -1 = it has no end */
export function readDeadSet(elements: readonly string[], pttl: number, now: number): DeadSet {
  const numbers = elements.filter((each) => /^\d{1,9}$/.test(each)).map(Number);
  return {
    indexes: numbers.sort((a, b) => a - b),
    until: now + (pttl < 0 ? limits.endless : pttl),
  };
}

/** What remains is a little less each time it is asked for, and that is no news. */
export function isSameDeadSet(before: DeadSet, now: DeadSet, at: number): boolean {
  const moved = Math.abs(now.until - before.until);
  const wasEndless = before.until - at > limits.endless / 2;
  const isEndless = now.until - at > limits.endless - limits.sameUntil;
  const isSameEnd = moved < limits.sameUntil || (isEndless && wasEndless);
  return isSameEnd && isDeepStrictEqual(before.indexes, now.indexes);
}

/** Those that all their places in the list are marked of. */
export function deadIn(set: DeadSet, { service, members }: Frontend): DeadBackend[] {
  const marked = new Set(set.indexes);
  return [...members]
    .filter(([, { indexes }]) => indexes.every((index) => marked.has(index)))
    .map(([backend]) => ({ service: service.name, backend, until: set.until }));
}

/** Where Hipache looks for a host, the first that there is. */
export function candidatesOf(host: string): readonly string[] {
  const labels = host.split(".");
  const first = Math.max(1, labels.length - mostLabels);
  const below = labels.slice(first).map((_, index) => `*.${labels.slice(first + index).join(".")}`);
  return [host, ...below, "*"];
}
