// Looks after the documents that snapshots need, and gives each snapshot what is known of them. Whatever goes wrong with one
// of them is told once, and what was good last serves on.

import { setTimeout as pause } from "node:timers/promises";
import { documentLimits as limits } from "../config/document-limits.ts";
import { documentWishesOf, type Wanters } from "../config/document-wishes.ts";
import {
  type Documents,
  type DocumentWish,
  type LiveDocument,
  noDocuments,
  shownPlace,
} from "../config/documents.ts";
import type { Log } from "../lib/log.ts";
import type { KeptDocument } from "./document-state.ts";
import { FileDocument } from "./file-document.ts";
import { type Fault, LoggedOnce } from "./logged-once.ts";
import { StateFiles } from "./state-file.ts";
import { UrlDocument } from "./url-document.ts";

export interface DocumentKeeperOptions {
  readonly log: Log;
  /** The state folder; undefined = there is none. */
  folder(): string | undefined;
  /** `documentsFor` gives something else now. */
  onChange(): void;
}

export class DocumentKeeper implements Disposable {
  readonly #options: DocumentKeeperOptions;
  readonly #files: StateFiles;
  readonly #faults: LoggedOnce;
  readonly #kept = new Map<string, KeptDocument>();
  #made: Documents = noDocuments;
  /** Of the snapshot made last: what does not fit. */
  #crowded: readonly Fault[] = [];
  /** Before that it is not known where anything is kept, nor who we are. */
  #isBegun = false;
  #isPreparing = false;
  /** Something changed meanwhile. */
  #isLate = false;
  #hasLive = false;
  #isEnded = false;

  constructor(options: DocumentKeeperOptions) {
    this.#options = options;
    this.#files = new StateFiles(options.log);
    this.#faults = new LoggedOnce(options.log);
  }

  /** Whoever is about to go live waits for what it names, but not long for what others have to answer. */
  async prepare(wanters: Wanters): Promise<void> {
    this.#isBegun = true;
    const wishes = [...documentWishesOf(wanters).values()].slice(0, limits.count);
    if (wishes.length === 0 || this.#isEnded) return;
    this.#isPreparing = true;
    try {
      const late = new AbortController();
      await Promise.race([
        Promise.all(wishes.map((wish) => this.#keep(wish).refresh())),
        pause(limits.firstWait, undefined, { signal: late.signal }).catch(() => {}),
      ]);
      late.abort();
    } finally {
      this.#isPreparing = false;
    }
    this.#tell();
    // Whatever becomes of these wishes, what was read is for what is live as well.
    const isNews = this.#isLate && this.#hasLive;
    this.#isLate = false;
    if (isNews) this.#options.onChange();
  }

  /** The same object as long as nothing changed. */
  documentsFor(wanters: Wanters): Documents {
    if (!this.#isBegun) return noDocuments;
    const found = new Map<string, LiveDocument>();
    const crowded: Fault[] = [];
    let left: number = limits.allBytes;
    let count = 0;
    for (const wish of documentWishesOf(wanters).values()) {
      count += 1;
      const live = count > limits.count ? undefined : this.#keep(wish).state.live;
      const length = live?.text.length ?? 0;
      if (count > limits.count || length > left) {
        const message = "there are too many documents, or they are too large; one is left out";
        crowded.push({ message, fields: { document: shownPlace(wish) } });
      } else if (live !== undefined) {
        left -= length;
        found.set(wish.name, live);
      }
    }
    this.#crowded = crowded;
    if (!isSame(found, this.#made)) this.#made = found.size === 0 ? noDocuments : found;
    return this.#made;
  }

  /** This snapshot is live; nobody needs other documents. */
  settled(snapshot: Wanters): void {
    if (this.#kept.size === 0) return;
    const wishes = documentWishesOf(snapshot);
    this.#hasLive = wishes.size > 0;
    for (const [name, kept] of this.#kept) {
      const wish = wishes.get(name);
      if (wish !== undefined) {
        kept.adjust(wish);
        continue;
      }
      kept[Symbol.dispose]();
      kept.forget();
      this.#kept.delete(name);
    }
    this.#tell();
  }

  #keep(wish: DocumentWish): KeptDocument {
    const known = this.#kept.get(wish.name);
    if (known !== undefined) return known;
    const onChange = () => this.#onChange();
    const { folder } = this.#options;
    const kept =
      wish.from === "file"
        ? new FileDocument(wish, onChange)
        : new UrlDocument(wish, { files: this.#files, folder, onChange });
    this.#kept.set(wish.name, kept);
    if (!this.#isEnded) void kept.refresh();
    return kept;
  }

  #onChange(): void {
    // Whoever prepares looks at the end.
    if (this.#isPreparing) this.#isLate = true;
    if (this.#isPreparing || this.#isEnded) return;
    this.#tell();
    this.#options.onChange();
  }

  #tell(): void {
    const faults = [...this.#kept.values()].flatMap(({ state }): Fault[] => {
      const { wish, trouble, live } = state;
      if (trouble === "") return [];
      const message =
        live === undefined
          ? "a document cannot be used, and there is none from before"
          : "a document cannot be used; the one before it still counts";
      return [{ message, fields: { document: shownPlace(wish), why: trouble } }];
    });
    this.#faults.tell([...faults, ...this.#crowded]);
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    for (const kept of this.#kept.values()) kept[Symbol.dispose]();
    this.#kept.clear();
  }
}

function isSame(a: Documents, b: Documents): boolean {
  if (a.size !== b.size) return false;
  for (const [name, each] of a) if (b.get(name) !== each) return false;
  return true;
}
