// Items that are changed while the program runs, with all changes ever made as far as they are kept. All of it
// is in memory, too: the file is read once. What a method returns without throwing is on the disk.

import { itemSections, type ItemSection } from "../config/item.ts";
import { store as limits } from "../config/store-limits.ts";
import type { Database } from "./database.ts";
import { keptFrom } from "./pruning.ts";
import { damaged } from "./store-file.ts";
import { StoreFault } from "./store-fault.ts";

export interface StoredItem {
  readonly section: ItemSection;
  readonly name: string;
  /** JSON. */
  readonly text: string;
  /** Of its last change. */
  readonly revision: number;
}

export interface StoredChange {
  readonly section: ItemSection;
  readonly name: string;
  /** JSON; undefined = there was none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export type NewChange = Omit<StoredChange, "before">;

export interface StoredRevision {
  readonly number: number;
  readonly at: string;
  readonly by: string;
  readonly note: string | undefined;
  readonly changes: readonly StoredChange[];
}

export interface Authorship {
  readonly by: string;
  readonly note: string | undefined;
}

/** What is there keeps its place among the others. */
const putItem =
  "INSERT INTO items (section, name, value, revision) VALUES (?, ?, ?, ?) " +
  "ON CONFLICT (section, name) DO UPDATE SET value = excluded.value, revision = excluded.revision";

export interface Prepared {
  /** The revision it will be. */
  readonly number: number;
  readonly changes: readonly NewChange[];
  /** All there will be. */
  readonly items: ReadonlyMap<string, StoredItem>;
  readonly bytes: number;
}

type Items = ReadonlyMap<string, StoredItem>;

export class Store {
  readonly #database: Database;
  #items: Items = new Map();
  #revision = 0;
  #bytes = 0;

  /** Throws StoreFault when what is there cannot be understood. */
  constructor(database: Database) {
    this.#database = database;
    this.#load();
  }

  #load(): void {
    const { sql, path } = this.#database;
    const items = new Map<string, StoredItem>();
    const rows = sql.prepare("SELECT section, name, value, revision FROM items ORDER BY rowid");
    for (const row of rows.iterate()) {
      const section = sectionOf(row["section"]);
      const [name, text] = [String(row["name"]), String(row["value"])];
      if (section === undefined) {
        throw damaged(path, `it has an item of the unknown section ${String(row["section"])}`);
      }
      items.set(keyOf({ section, name }), {
        section,
        name,
        text,
        revision: Number(row["revision"]),
      });
    }
    this.#items = items;
    this.#bytes = [...items.values()].reduce((sum, { text }) => sum + sizeOf(text), 0);
    const last = sql.prepare("SELECT max(number) AS number FROM revisions").get();
    this.#revision = Number(last?.["number"] ?? 0);
  }

  /** Counts up by one with each commit; 0 = nothing was ever committed. */
  get revision(): number {
    return this.#revision;
  }

  /** By section and name, see `keyOf`; in the order in which they came. */
  get items(): Items {
    return this.#items;
  }

  /** What `commit` would make of it. Throws StoreFault when that is too much. */
  prepare(changes: readonly NewChange[]): Prepared {
    const number = this.#revision + 1;
    return { number, changes, ...this.#changed(changes, number) };
  }

  /** Throws StoreFault, and then nothing is changed. @param prepared nothing was committed since */
  commit(prepared: Prepared, authorship: Authorship): StoredRevision {
    const { number, changes, items, bytes } = prepared;
    if (number !== this.#revision + 1)
      throw new StoreFault("something else was committed meanwhile");
    const before = this.#items;
    const revision: StoredRevision = {
      number,
      at: new Date().toISOString(),
      by: authorship.by,
      note: authorship.note?.slice(0, limits.note),
      changes: changes.map((each) => ({ ...each, before: before.get(keyOf(each))?.text })),
    };
    this.#database.transaction(() => {
      this.#mustBeLatest();
      this.#write(revision);
      this.#prune();
    });
    this.#items = items;
    this.#bytes = bytes;
    this.#revision = number;
    return revision;
  }

  #changed(changes: readonly NewChange[], revision: number): { items: Items; bytes: number } {
    const items = new Map(this.#items);
    let bytes = this.#bytes;
    for (const { section, name, after } of changes) {
      const key = keyOf({ section, name });
      bytes += sizeOf(after) - sizeOf(items.get(key)?.text);
      if (after === undefined) items.delete(key);
      else items.set(key, { section, name, text: after, revision });
    }
    const areMore = items.size > limits.items && items.size > this.#items.size;
    if (areMore || (bytes > limits.bytes && bytes > this.#bytes)) {
      throw new StoreFault(
        `the store takes ${limits.items} items and ${limits.bytes / 2 ** 20} MiB of values, and this would be ${items.size} and ${Math.ceil(bytes / 2 ** 20)} MiB: remove some first`,
      );
    }
    return { items, bytes };
  }

  /** Who was away from the file for a while must not write over what somebody else did. */
  #mustBeLatest(): void {
    const last = this.#database.sql.prepare("SELECT max(number) AS number FROM revisions").get();
    if (Number(last?.["number"] ?? 0) === this.#revision) return;
    throw new StoreFault("another process has changed the store: run `tidegate upgrade`");
  }

  #write({ number, at, by, note, changes }: StoredRevision): void {
    const { sql } = this.#database;
    const bytes = changes.reduce(
      (sum, { before, after }) => sum + sizeOf(before) + sizeOf(after),
      0,
    );
    sql
      .prepare("INSERT INTO revisions (number, at, author, note, bytes) VALUES (?, ?, ?, ?, ?)")
      .run(number, at, by, note ?? null, bytes);
    const change = sql.prepare(
      "INSERT INTO changes (revision, place, section, name, before, after) VALUES (?, ?, ?, ?, ?, ?)",
    );
    const put = sql.prepare(putItem);
    const remove = sql.prepare("DELETE FROM items WHERE section = ? AND name = ?");
    for (const [place, { section, name, before, after }] of changes.entries()) {
      change.run(number, place, section, name, before ?? null, after ?? null);
      if (after === undefined) remove.run(section, name);
      else put.run(section, name, after, number);
    }
  }

  #prune(): void {
    const { sql } = this.#database;
    const first = keptFrom(sql, { revisions: limits.revisions, bytes: limits.historyBytes });
    sql.prepare("DELETE FROM changes WHERE revision < ?").run(first);
    sql.prepare("DELETE FROM revisions WHERE number < ?").run(first);
  }

  /** As if the latest commit had never been; nobody was told of it yet. Throws StoreFault. */
  takeBack({ number, changes }: StoredRevision): void {
    this.#database.transaction((sql) => {
      this.#mustBeLatest();
      const put = sql.prepare(putItem);
      const remove = sql.prepare("DELETE FROM items WHERE section = ? AND name = ?");
      for (const { section, name, before } of changes) {
        if (before === undefined) remove.run(section, name);
        else put.run(section, name, before, this.#lastChange(section, name, number));
      }
      sql.prepare("DELETE FROM changes WHERE revision = ?").run(number);
      sql.prepare("DELETE FROM revisions WHERE number = ?").run(number);
    });
    this.#load();
  }

  /** 0 = so long ago that it is not kept. */
  #lastChange(section: string, name: string, before: number): number {
    const row = this.#database.sql
      .prepare(
        "SELECT max(revision) AS revision FROM changes WHERE section = ? AND name = ? AND revision < ?",
      )
      .get(section, name, before);
    return Number(row?.["revision"] ?? 0);
  }

  // --- what was ----------------------------------------------------------------------------------

  /** The latest first; fewer than asked for when they are large, or not kept any more. */
  history({ before, limit }: { before: number | undefined; limit: number }): StoredRevision[] {
    const rows = this.#database.sql
      .prepare(
        "SELECT number, at, author, note, bytes FROM revisions WHERE number < ? ORDER BY number DESC LIMIT ?",
      )
      .all(before ?? this.#revision + 1, Math.min(limit, limits.page));
    let bytes = 0;
    const page = rows.filter((row, at) => {
      bytes += Number(row["bytes"]);
      return at === 0 || bytes <= limits.pageBytes;
    });
    return page.map((row) => {
      const number = Number(row["number"]);
      const note = row["note"];
      return {
        number,
        at: String(row["at"]),
        by: String(row["author"]),
        note: typeof note === "string" ? note : undefined,
        changes: [...this.#changesBetween(number - 1, number)],
      };
    });
  }

  /**
   * What changed from one revision to a later one, once for each item; undefined = one of them never was, or
   * is not kept any more.
   */
  difference(from: number, to: number): readonly StoredChange[] | undefined {
    if (from < this.#oldest || to > this.#revision || from > to) return undefined;
    const net = new Map<string, StoredChange>();
    // One after the other: all of them together may be what the whole history has room for.
    for (const each of this.#changesBetween(from, to)) {
      const first = net.get(keyOf(each)) ?? each;
      net.set(keyOf(each), { ...each, before: first.before });
    }
    return [...net.values()].filter(({ before, after }) => before !== after);
  }

  /** The first one that can be gone back to. */
  get #oldest(): number {
    const row = this.#database.sql.prepare("SELECT min(number) AS number FROM revisions").get();
    return Number(row?.["number"] ?? 1) - 1;
  }

  *#changesBetween(after: number, upTo: number): Generator<StoredChange, void> {
    const rows = this.#database.sql.prepare(
      "SELECT section, name, before, after FROM changes WHERE revision > ? AND revision <= ? ORDER BY revision, place",
    );
    for (const row of rows.iterate(after, upTo)) {
      const section = sectionOf(row["section"]);
      if (section === undefined) continue;
      const name = String(row["name"]);
      yield { section, name, before: textOf(row["before"]), after: textOf(row["after"]) };
    }
  }
}

export function keyOf({ section, name }: Pick<StoredItem, "section" | "name">): string {
  return `${section} ${name}`;
}

function sectionOf(value: unknown): ItemSection | undefined {
  return itemSections.find((each) => each === value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function sizeOf(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text);
}
