// Items of all sources as people and programs are shown them: what was written where, and what became of it.

import type { ItemRow } from "../admin/configuration.ts";
import { type ItemSection, storeSource } from "../config/item.ts";
import type { Overlay } from "../config/overlay.ts";
import type { ItemProblem } from "../config/read-item.ts";
import type { Origin } from "../config/snapshot.ts";
import type { Conflict } from "../routing/conflicts.ts";
import type { Refusal } from "../routing/ownership.ts";
import type { StoredItem } from "../store/store.ts";
import { sentenceOf } from "./change-notes.ts";
import { valueOf } from "./kept-items.ts";
import { type Everything, itemsIn, type ServedItem } from "./served-items.ts";
import { shownItem } from "./shown-item.ts";

export interface RowsOf extends Everything {
  readonly items: ReadonlyMap<string, StoredItem>;
  /** Of items of the store, by section and name. */
  readonly problems: ReadonlyMap<string, readonly ItemProblem[]>;
  readonly refusals: readonly Refusal[];
  readonly conflicts: readonly Conflict[];
}

/** @param only this name; undefined = all */
export function rowsOf(section: ItemSection, all: RowsOf, only?: string): readonly ItemRow[] {
  const notes = new Notes(all);
  const rows = itemsIn(section, all, only).map((each) => rowOf(each, all, notes));
  const known = new Set(rows.map(({ name, source }) => `${name} ${source}`));
  const bad = storedIn(section, all, only).filter(
    (each) => !known.has(`${nameOf(each)} ${storeSource}`),
  );
  return [...rows, ...bad.map((each) => badRow(each, all))];
}

function storedIn(
  section: ItemSection,
  { items }: RowsOf,
  only: string | undefined,
): readonly StoredItem[] {
  if (only === undefined) return [...items.values()].filter((each) => each.section === section);
  const stored = items.get(keyOf(section, only));
  return stored === undefined || nameOf(stored) !== only ? [] : [stored];
}

function rowOf(item: ServedItem, all: RowsOf, notes: Notes): ItemRow {
  const { section, name, origin } = item;
  const stored = origin.provider === storeSource ? all.items.get(keyOf(section, name)) : undefined;
  return {
    section,
    name,
    source: origin.provider,
    place: origin.place,
    value: stored === undefined ? (item.words() ?? null) : shownItem(section, valueOf(stored.text)),
    revision: stored?.revision,
    notes: notes.on(
      item,
      stored === undefined ? [] : (all.problems.get(keyOf(section, name)) ?? []),
    ),
  };
}

/** It has an error: a newer version reads it otherwise, or somebody wrote into the file. */
function badRow(item: StoredItem, { problems }: RowsOf): ItemRow {
  const { section, name, text, revision } = item;
  const value = shownItem(section, valueOf(text));
  const notes = (problems.get(`${section} ${name}`) ?? []).map(sentenceOf);
  const place = `${section}/${name}`;
  return { section, name: nameOf(item), source: storeSource, place, value, revision, notes };
}

function nameOf({ section, name }: Pick<StoredItem, "section" | "name">): string {
  return section === "overlays" ? name : `${name}@${storeSource}`;
}

function keyOf(section: ItemSection, name: string): string {
  return `${section} ${section === "overlays" ? name : name.replace(/@store$/, "")}`;
}

/** By where an item was written, and by its name. */
class Notes {
  readonly #byPlace = new Map<string, string[]>();
  readonly #overlays: ReadonlyMap<string, readonly Overlay[]>;

  constructor({ refusals, conflicts, said }: RowsOf) {
    const add = ({ provider, place }: Origin, note: string) => {
      const key = `${provider} ${place}`;
      const known = this.#byPlace.get(key);
      if (known === undefined) this.#byPlace.set(key, [note]);
      else known.push(note);
    };
    for (const { origin, message } of refusals) add(origin, message);
    for (const { a, b, why } of conflicts) {
      add(a.origin, why);
      add(b.origin, why);
    }
    // Of what is kept here it is known in more detail.
    const certificates = said.collections.flatMap((each) => each.certificates);
    for (const { origin, trouble } of certificates) {
      if (trouble !== "" && origin.provider !== storeSource) add(origin, trouble);
    }
    // One that was refused changes nothing.
    const refused = new Set(refusals.map(({ origin }) => `${origin.provider} ${origin.place}`));
    const overlays = said.collections
      .flatMap((each) => each.overlays)
      .filter(({ origin }) => !refused.has(`${origin.provider} ${origin.place}`));
    this.#overlays = Map.groupBy(overlays, ({ route }) => route);
  }

  on({ section, name, origin }: ServedItem, problems: readonly ItemProblem[]): readonly string[] {
    const overlays = section === "routes" ? (this.#overlays.get(name) ?? []) : [];
    return [
      ...problems.map(sentenceOf),
      ...(this.#byPlace.get(`${origin.provider} ${origin.place}`) ?? []),
      ...overlays.map((each) => `changed by ${each.origin.provider}, ${each.origin.place}`),
    ];
  }
}
