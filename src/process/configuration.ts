// What is changed while the program runs: items of the store. A change is read and merged first; when nothing
// is wrong with it, it is written to the disk and goes live in every worker, before whoever asked is told.

import type {
  ChangedItem,
  ChangeOptions,
  ChangeOutcome,
  Configuration,
  Export,
  ItemChange,
  ItemRow,
  Revision,
} from "../admin/configuration.ts";
import type { Collection } from "../config/collection.ts";
import { type ItemSection, storeSource } from "../config/item.ts";
import type { ServiceStates } from "../explain/explanation.ts";
import type { Log } from "../lib/log.ts";
import { findConflicts } from "../routing/conflicts.ts";
import type { Catalog, Snapshot } from "../config/snapshot.ts";
import type { Merged, Said } from "../routing/merge.ts";
import { backUp } from "../store/backup.ts";
import {
  type NewChange,
  type Prepared,
  type Store,
  type StoredChange,
  type StoredItem,
  keyOf,
} from "../store/store.ts";
import { changesOf, type Draft, importOf, invalid, rollbackOf } from "./change-draft.ts";
import { type RowsOf, rowsOf } from "./configuration-rows.ts";
import { dumpOf } from "./dump.ts";
import { Explanations } from "./explanations.ts";
import { KeptItems, valueOf } from "./kept-items.ts";
import { bounded, notesOf, warningsOf } from "./change-notes.ts";
import { ChangeWatch, type Failures } from "./change-watch.ts";
import type { Primary, Turn } from "./primary.ts";
import { shownChange, shownItem } from "./shown-item.ts";
import type { StoreKeeper } from "./store-keeper.ts";

export interface ConfigurationOptions {
  readonly log: Log;
  readonly services: ServiceStates;
  readonly keeper: StoreKeeper;
  primary(): Primary;
  /** So far, of these routes. */
  failuresOf(routes: ReadonlySet<string>): Failures;
  /** A change was taken back, because requests failed. */
  onTakenBack(message: string): void;
  /** All that is said outside the file, with this in the store. */
  saidWith(kept: Collection): Said;
}

export class ProgramConfiguration implements Configuration {
  readonly #options: ConfigurationOptions;
  readonly #items = new KeptItems();
  readonly explanations: Explanations;
  readonly watch: ChangeWatch;

  constructor(options: ConfigurationOptions) {
    this.#options = options;
    this.watch = new ChangeWatch({
      log: options.log,
      revision: () => this.revision,
      failuresOf: (routes) => options.failuresOf(routes),
      rollback: (to, note) => this.rollback(to, { by: "tidegate", note, isDryRun: false }),
      onTakenBack: (message) => options.onTakenBack(message),
    });
    this.explanations = new Explanations({
      log: options.log,
      live: () => options.primary().snapshot,
      draft: (changes) => this.#draft(changes),
      services: options.services,
    });
  }

  get #store(): Store | undefined {
    return this.#options.keeper.store;
  }

  get revision(): number {
    return this.#store?.revision ?? 0;
  }

  /** What the store says, for the next snapshot. */
  said({ written }: Catalog): Said {
    const { saidWith } = this.#options;
    const store = this.#store;
    if (store === undefined || written === undefined) return saidWith(nothing);
    return saidWith(this.#items.read(store.items, written.defaults).collection);
  }

  // --- changes -----------------------------------------------------------------------------------

  change(changes: readonly ItemChange[], options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#make((store) => changesOf(store, changes), options);
  }

  /** What it would come to, and what would be served then, also where tests of routes fail; nothing is changed. */
  async proposed(
    changes: readonly ItemChange[],
  ): Promise<{ readonly outcome: ChangeOutcome; readonly next: Snapshot | undefined }> {
    let next: Snapshot | undefined;
    const onProposed = (snapshot: Snapshot) => void (next = snapshot);
    const options = { by: "", note: undefined, isDryRun: true, onProposed };
    const outcome = await this.#make((store) => changesOf(store, changes), options);
    return { outcome, next };
  }

  rollback(to: number, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#make((store) => rollbackOf(store, to), options);
  }

  import(all: Export, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.#make((store) => importOf(store, all), options);
  }

  async #make(draft: (store: Store) => Draft, options: MakeOptions): Promise<ChangeOutcome> {
    try {
      return await this.#options.primary().amend(async (turn) => {
        const { keeper } = this.#options;
        // Whatever comes of this change, what is kept there is to be served.
        if (keeper.retry()) void this.#options.primary().rediscover();
        const { store } = keeper;
        if (store === undefined) return failed(keeper.trouble ?? "there is no store");
        const drafted = draft(store);
        if (drafted.kind !== "changes") return drafted;
        return this.#carryOut(turn, { store, changes: drafted.changes, options });
      });
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** What would be served with these; nothing is changed, and tests of routes may fail. */
  async #draft(
    wanted: readonly ItemChange[],
  ): Promise<Snapshot | Exclude<ChangeOutcome, { kind: "done" }>> {
    const { outcome, next } = await this.proposed(wanted);
    if (next !== undefined) return next;
    return outcome.kind === "done" ? failed("nothing is served yet") : outcome;
  }

  async #carryOut(turn: Turn, { store, changes, options }: Work): Promise<ChangeOutcome> {
    const { written } = turn.catalog;
    if (written === undefined) return failed("nothing is served yet");
    const prepared = store.prepare(changes);
    const reading = this.#items.read(prepared.items, written.defaults);
    const problems = changes.flatMap((each) => reading.problems.get(keyOf(each)) ?? []);
    if (problems.some(({ severity }) => severity === "error")) return invalid(problems);
    const merged = turn.propose(this.#options.saidWith(reading.collection));
    options.onProposed?.(merged.snapshot);
    const broken = await this.explanations.brokenBy(merged.snapshot, changes);
    if (broken.length > 0) return invalid(broken);
    const changed = changes.map((each) => changedItem({ ...each, before: textIn(store, each) }));
    const refusedBefore = this.#options.primary().refusals;
    const notes = (conflicts = findConflicts(merged.snapshot.routes)) =>
      bounded([...warningsOf(problems), ...notesOf(changes, merged, { conflicts, refusedBefore })]);
    const done = { kind: "done", changed } as const;
    if (options.isDryRun) {
      return { ...done, revision: store.revision, version: undefined, notes: notes() };
    }
    if (changes.length === 0) {
      const version = this.#options.primary().snapshot?.version;
      return { ...done, revision: store.revision, version, notes: [] };
    }
    const before = this.#options.primary().snapshot;
    const version = await commit(turn, merged, { store, prepared, options });
    if (options.watchFor !== undefined) this.#watch(store.revision, before, options.watchFor);
    return {
      ...done,
      revision: store.revision,
      version,
      notes: notes(this.#options.primary().conflicts),
    };
  }

  #watch(revision: number, before: Snapshot | undefined, time: number): void {
    const after = this.#options.primary().snapshot;
    if (after !== undefined) this.watch.begin({ revision, before, after, for: time });
  }

  // --- what was ----------------------------------------------------------------------------------

  history(options: { before: number | undefined; limit: number }): readonly Revision[] {
    const all = this.#store?.history(options) ?? [];
    return all.map((each) => ({ ...each, changes: each.changes.map(changedItem) }));
  }

  difference(from: number, to: number): readonly ChangedItem[] | undefined {
    return this.#store?.difference(from, to)?.map(changedItem);
  }

  exported(withKeys: boolean): Export {
    const items = [...(this.#store?.items.values() ?? [])].map(({ section, name, text }) => {
      const value = valueOf(text);
      const isShown = withKeys || section !== "certificates";
      return { section, name, value: isShown ? value : shownItem(section, value) };
    });
    return { format: "tidegate-items-1", items };
  }

  async backup(path: string): Promise<void> {
    const { database, trouble } = this.#options.keeper;
    if (database === undefined) throw new Error(trouble ?? "there is no store");
    await backUp(database, path);
  }

  // --- what is -----------------------------------------------------------------------------------

  rows(section: ItemSection): readonly ItemRow[] {
    const everything = this.#everything();
    return everything === undefined ? [] : rowsOf(section, everything);
  }

  row(section: ItemSection, name: string): ItemRow | undefined {
    const everything = this.#everything();
    const rows = everything === undefined ? [] : rowsOf(section, everything, name);
    // Of an overlay that several have, what is changed here is ours.
    return rows.find(({ source }) => source === storeSource) ?? rows[0];
  }

  dump(): string {
    const everything = this.#everything();
    return everything === undefined ? "# nothing is served yet\n" : dumpOf(everything);
  }

  /** undefined = nothing is served yet. */
  #everything(): RowsOf | undefined {
    const { catalog, snapshot, refusals, conflicts } = this.#options.primary();
    const written = catalog?.written;
    if (catalog === undefined || written === undefined || snapshot === undefined) return undefined;
    const items = this.#store?.items ?? new Map<string, StoredItem>();
    const { collection, problems } = this.#items.read(items, written.defaults);
    const said = this.#options.saidWith(collection);
    return { catalog, written, snapshot, said, items, problems, refusals, conflicts };
  }
}

interface MakeOptions extends ChangeOptions {
  /** Told what would be served. */
  readonly onProposed?: (snapshot: Snapshot) => void;
}

interface Work {
  readonly store: Store;
  readonly changes: readonly NewChange[];
  readonly options: MakeOptions;
}

interface PreparedWork extends Omit<Work, "changes"> {
  readonly prepared: Prepared;
}

/** On the disk first: what was live and is lost by a crash would be worse than the other way round. */
async function commit(
  turn: Turn,
  merged: Merged,
  { store, prepared, options }: PreparedWork,
): Promise<number> {
  const revision = store.commit(prepared, options);
  try {
    return (await turn.goLive(merged)).version;
  } catch (error) {
    store.takeBack(revision);
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`it cannot go live, and nothing was changed: ${cause}`, { cause: error });
  }
}

const nothing: Collection = {
  provider: storeSource,
  hosts: undefined,
  routes: [],
  streamRoutes: [],
  services: [],
  overlays: [],
  certificates: [],
};

function failed(message: string): Extract<ChangeOutcome, { kind: "failed" }> {
  return { kind: "failed", message };
}

function textIn(store: Store, change: NewChange): string | undefined {
  return store.items.get(keyOf(change))?.text;
}

function changedItem({ section, name, before, after }: StoredChange): ChangedItem {
  const shown = (text: string | undefined) => shownChange(section, valueOf(text));
  return { section, name, before: shown(before), after: shown(after) };
}
