// Certificates that end, or have ended, while others serve all of their names: people leave them beside those that came after
// them. Nobody is shown them any more, and nobody has to be woken for them.

import type { CertificateRow } from "../admin/operations.ts";

export function withoutSuperseded(rows: readonly CertificateRow[]): readonly CertificateRow[] {
  const isEnding = ({ state, isNeeded }: CertificateRow) =>
    isNeeded && (state === "expired" || state === "expires soon");
  if (!rows.some(isEnding)) return rows;
  const serving = kindsByName(rows);
  return rows.map((row) => {
    if (!isEnding(row) || !row.names.every((name) => isServed(name, row, serving))) return row;
    return { ...row, isNeeded: false, why: `${row.why}; another one is there for its names` };
  });
}

type Kinds = ReadonlyMap<string, ReadonlySet<CertificateRow["kind"]>>;

/** Of which kinds there are certificates that nothing is wrong with. */
function kindsByName(rows: readonly CertificateRow[]): Kinds {
  const all = new Map<string, Set<CertificateRow["kind"]>>();
  for (const { names, kind, state } of rows) {
    if (state !== "ok") continue;
    for (const name of names) all.set(name, (all.get(name) ?? new Set()).add(kind));
  }
  return all;
}

function isServed(name: string, { kind, state }: CertificateRow, serving: Kinds): boolean {
  const found = serving.get(name) ?? serving.get(`*${name.slice(name.indexOf("."))}`);
  // As long as it is valid, clients that know its kind alone are shown it.
  return found !== undefined && (state === "expired" || found.has(kind));
}
