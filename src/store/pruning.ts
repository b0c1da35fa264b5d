// How far back the history goes: so many revisions, and so many bytes of what they changed. The latest stays
// in any case, since the number of the next one follows from it.

import type { DatabaseSync } from "node:sqlite";

/** The first revision that is kept. */
export function keptFrom(
  sql: DatabaseSync,
  { revisions, bytes }: { readonly revisions: number; readonly bytes: number },
): number {
  const row = sql
    .prepare("SELECT min(number) AS first, max(number) AS last, sum(bytes) AS bytes FROM revisions")
    .get();
  const last = Number(row?.["last"] ?? 0);
  const first = Math.max(Number(row?.["first"] ?? 0), last - revisions + 1);
  let over = Number(row?.["bytes"] ?? 0) - bytes;
  if (over <= 0) return first;
  const all = sql.prepare("SELECT number, bytes FROM revisions ORDER BY number");
  for (const each of all.iterate()) {
    const number = Number(each["number"]);
    if (number === last || over <= 0) return Math.max(first, number);
    over -= Number(each["bytes"]);
  }
  return first;
}
