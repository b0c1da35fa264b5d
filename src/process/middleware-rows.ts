// Which middlewares are in use, and by whom.

import type { MiddlewareRow } from "../admin/operations.ts";
import { fileOf, kindsInOrder } from "../config/middlewares/reference.ts";
import type { MiddlewareUse, Snapshot } from "../config/snapshot.ts";

/** All kinds there are, those that nobody uses included. */
export function middlewareRows(snapshot: Snapshot | undefined): readonly MiddlewareRow[] {
  const owners = new Map<string, Set<string>>();
  const note = (owner: string, uses: readonly MiddlewareUse[] = []) => {
    for (const { kind } of uses) {
      const known = owners.get(kind) ?? new Set<string>();
      owners.set(kind, known.add(owner));
    }
  };
  for (const { name, middlewares } of snapshot?.routes ?? []) note(`route ${name}`, middlewares);
  for (const { name, middlewares } of snapshot?.services.values() ?? []) {
    note(`service ${name}`, middlewares);
  }
  for (const { name, middlewares } of snapshot?.listeners ?? []) {
    note(`listener ${name}`, middlewares);
  }
  return kindsInOrder().map(({ kind, summary }) => {
    const all = [...(owners.get(kind) ?? [])];
    const page = fileOf(kind).replace(/\.md$/, "");
    return { kind, summary, page, uses: all.length, owners: all.slice(0, mostOwners) };
  });
}

/** Of one kind: nobody reads more, and ten thousand routes may have the same. */
const mostOwners = 200;
