// What somebody wants to have changed, as changes of texts in the store; or why that cannot be. What is in the
// store so already is no change.

import type { ChangeOutcome, Export, ItemChange } from "../admin/configuration.ts";
import type { ItemProblem } from "../config/read-item.ts";
import { store as limits } from "../config/store-limits.ts";
import { keyOf, type NewChange, type Store, type StoredItem } from "../store/store.ts";
import { valueOf } from "./kept-items.ts";
import { unshown } from "./shown-item.ts";

export type Draft =
  | { readonly kind: "changes"; readonly changes: readonly NewChange[] }
  | Exclude<ChangeOutcome, { kind: "done" }>;

export function changesOf(store: Store, wanted: readonly ItemChange[]): Draft {
  const problems = [...tooMany(wanted, limits.changes), ...repeated(wanted)];
  if (problems.length > 0) return invalid(problems);
  const changes: NewChange[] = [];
  for (const each of wanted) {
    const { section, name, value } = each;
    const item = store.items.get(keyOf(each));
    if (!isExpected(each, item)) return { kind: "stale", section, name };
    if (value === undefined && item === undefined) return { kind: "missing", section, name };
    const text = textOf(each, item);
    if (typeof text === "object") problems.push(text);
    else if (text !== item?.text) changes.push({ section, name, after: text });
  }
  return problems.length > 0 ? invalid(problems) : { kind: "changes", changes };
}

export function rollbackOf(store: Store, to: number): Draft {
  const difference = store.difference(to, store.revision);
  if (difference === undefined) {
    const message = `there is no revision ${to} to go back to, or it is not kept any more: \`tidegate history\` shows those there are`;
    return { kind: "failed", message };
  }
  const changes = difference.map(({ section, name, before }) => ({ section, name, after: before }));
  return { kind: "changes", changes };
}

export function importOf(store: Store, { items }: Export): Draft {
  const problems = [...tooMany(items, limits.items), ...repeated(items)];
  if (problems.length > 0) return invalid(problems);
  const wanted = new Set(items.map(keyOf));
  const changes: NewChange[] = [...store.items.values()]
    .filter((each) => !wanted.has(keyOf(each)))
    .map(({ section, name }) => ({ section, name, after: undefined }));
  for (const { section, name, value } of items) {
    const item = store.items.get(keyOf({ section, name }));
    const text = textOf({ section, name, value: value ?? null }, item);
    if (typeof text === "object") problems.push(text);
    else if (text !== item?.text) changes.push({ section, name, after: text });
  }
  return problems.length > 0 ? invalid(problems) : { kind: "changes", changes };
}

/** The first ones: see `bounded` of `change-notes.ts`. */
export function invalid(problems: readonly ItemProblem[]): Extract<Draft, { kind: "invalid" }> {
  const more = problems.length - limits.problems;
  const [first] = problems;
  if (more <= 0 || first === undefined) return { kind: "invalid", problems };
  const message = `and ${more} more; these are the first ${limits.problems}`;
  const place = { path: first.path.slice(0, 1), severity: "error" } as const;
  const last: ItemProblem = { ...place, message, remedy: undefined };
  return { kind: "invalid", problems: [...problems.slice(0, limits.problems), last] };
}

function isExpected({ expected }: ItemChange, item: StoredItem | undefined): boolean {
  if (expected === undefined) return true;
  return expected === "absent" ? item === undefined : item?.revision === expected;
}

type Named = Pick<ItemChange, "section" | "name">;

function tooMany(all: readonly Named[], most: number): ItemProblem[] {
  const [first] = all;
  if (all.length <= most || first === undefined) return [];
  const message = `these are ${all.length} changes, more than ${most} at once`;
  return [problemOf(first, message, "make them in several steps")];
}

function repeated(all: readonly Named[]): ItemProblem[] {
  const seen = new Set<string>();
  return all.flatMap((each) => {
    const key = keyOf(each);
    if (seen.has(key)) return [problemOf(each, "is changed twice", "leave out one of them")];
    seen.add(key);
    return [];
  });
}

/** undefined = it goes away. @param before what there is of it */
function textOf(
  change: Named & { readonly value: unknown },
  before: StoredItem | undefined,
): string | ItemProblem | undefined {
  const { value } = change;
  if (value === undefined) return undefined;
  if (isDeeper(value, limits.depth)) {
    return problemOf(change, `has more than ${limits.depth} levels`, "no setting needs so many");
  }
  const text = JSON.stringify(unshown(change.section, valueOf(before?.text), value));
  if (Buffer.byteLength(text) <= limits.itemBytes) return text;
  const message = `is longer than ${limits.itemBytes / 1024} KiB`;
  return problemOf(change, message, "make several items of it");
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

function problemOf({ section, name }: Named, message: string, remedy: string): ItemProblem {
  return { path: [section, name], message, remedy, severity: "error" };
}
