// What each of those who serve keeps of answers, and what an operator has taken out of all of them.

import type { CacheRow, CachePurge } from "../admin/operations.ts";

/** Of one process; undefined = it did not answer in time. */
export type CacheReport = CacheAnswer | undefined;

export interface CacheAnswer {
  readonly rows: readonly CacheRow[];
  /** Answers taken out. */
  readonly removed: number;
  /** Why some may be left on disk. */
  readonly trouble?: string | undefined;
}

export function addCaches(reports: readonly CacheReport[]): readonly CacheRow[] {
  const all = Map.groupBy(
    reports.flatMap((each) => each?.rows ?? []),
    ({ route }) => route,
  );
  return [...all].map(([route, rows]) => {
    const sum = (of: (row: CacheRow) => number) => rows.reduce((total, row) => total + of(row), 0);
    return {
      route,
      entries: sum((row) => row.entries),
      bytes: sum((row) => row.bytes),
      hits: sum((row) => row.hits),
      stale: sum((row) => row.stale),
      misses: sum((row) => row.misses),
      revalidated: sum((row) => row.revalidated),
      passed: sum((row) => row.passed),
      stored: sum((row) => row.stored),
      evictions: sum((row) => row.evictions),
      diskHits: sum((row) => row.diskHits),
      diskBytes: sum((row) => row.diskBytes),
    };
  });
}

/** URLs in the spelling that they are kept in: host in lower case, without a port that goes without saying. */
export function normalisedPurge(purge: CachePurge): CachePurge {
  if (purge.kind !== "url" && purge.kind !== "prefix") return purge;
  const [, scheme = "", authority = "", rest = ""] =
    /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(purge.value) ?? [];
  if (scheme === "") return purge;
  const port = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const name = authority.toLowerCase();
  const host = name.endsWith(port) ? name.slice(0, -port.length) : name;
  const path = rest === "" && purge.kind === "url" ? "/" : rest;
  return { ...purge, value: `${scheme.toLowerCase()}://${host}${path}` };
}
