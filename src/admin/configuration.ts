// What can be asked of, and done to, the configuration while the program runs. Declared here, implemented by
// `process`; the API, the commands and the console know it only as this. Everything that is routed can be
// read, wherever it was written; what is written here is kept in the store.

import type { ItemSection } from "../config/item.ts";
import type { ItemProblem } from "../config/read-item.ts";

export interface Configuration {
  /** Counts up by one with every change of the store; 0 = an empty one. */
  readonly revision: number;
  /** Of all sources; what is served first. */
  rows(section: ItemSection): readonly ItemRow[];
  row(section: ItemSection, name: string): ItemRow | undefined;
  /** All of them or none, durable and live in every worker when it resolves. */
  change(changes: readonly ItemChange[], options: ChangeOptions): Promise<ChangeOutcome>;
  /** The latest first. */
  history(options: {
    readonly before: number | undefined;
    readonly limit: number;
  }): readonly Revision[];
  /** What changed from one revision to a later one; undefined = there is no such revision. */
  difference(from: number, to: number): readonly ChangedItem[] | undefined;
  /** A new revision that is as that one was. */
  rollback(to: number, options: ChangeOptions): Promise<ChangeOutcome>;
  /** All items of the store, as `import` takes them. @param withKeys with the private keys of certificates */
  exported(withKeys: boolean): Export;
  /** Replaces all items of the store. */
  import(all: Export, options: ChangeOptions): Promise<ChangeOutcome>;
  /** Writes a copy of the store, while everything goes on. Rejects with a sentence. */
  backup(path: string): Promise<void>;
  /** The whole configuration as served, as YAML, with origins as comments and without secrets. */
  dump(): string;
}

export interface ItemRow {
  readonly section: ItemSection;
  /** As in the snapshot, with `@store` for what is kept here. */
  readonly name: string;
  /** Whose it is: `store`, `file`, `docker`, … */
  readonly source: string;
  /** Where it was written. */
  readonly place: string;
  /** As written, for what is kept in the store; otherwise as it was understood. Without secrets. */
  readonly value: unknown;
  /** Of the last change; undefined = it is not kept in the store. */
  readonly revision: number | undefined;
  /** Why it is not served, or not as written: refused claims, overlays, conflicts. Sentences. */
  readonly notes: readonly string[];
}

export interface ItemChange {
  readonly section: ItemSection;
  /** Without `@store`. */
  readonly name: string;
  /** undefined = it goes away. */
  readonly value: unknown;
  /** Only if its last change was this revision; `absent`: only if there is none; undefined = whatever there is. */
  readonly expected: number | "absent" | undefined;
}

export interface ChangeOptions {
  /** Who asks, for the history. */
  readonly by: string;
  readonly note: string | undefined;
  /** Says what would happen, and does nothing. */
  readonly isDryRun: boolean;
  /** Takes it back by itself when requests fail within this time that did not before, ms; left out = it stays. */
  readonly watchFor?: number | undefined;
}

export type ChangeOutcome =
  | {
      readonly kind: "done";
      /** Of the store, after it. */
      readonly revision: number;
      /** Of the snapshot that is live; undefined = it was a dry run. */
      readonly version: number | undefined;
      readonly changed: readonly ChangedItem[];
      /** What is served otherwise than one may think: conflicts, refusals, warnings. */
      readonly notes: readonly string[];
    }
  /** Nothing was changed. */
  | { readonly kind: "invalid"; readonly problems: readonly ItemProblem[] }
  /** Somebody else changed it meanwhile. */
  | { readonly kind: "stale"; readonly section: ItemSection; readonly name: string }
  | { readonly kind: "missing"; readonly section: ItemSection; readonly name: string }
  /** The store cannot be written, or the program ends; a sentence. */
  | { readonly kind: "failed"; readonly message: string };

export interface ChangedItem {
  readonly section: ItemSection;
  readonly name: string;
  /** undefined = there was none. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface Revision {
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly note: string | undefined;
  readonly changes: readonly ChangedItem[];
}

export interface Export {
  readonly format: "tidegate-items-1";
  readonly items: readonly {
    readonly section: ItemSection;
    readonly name: string;
    readonly value: unknown;
  }[];
}
