// Hints that something changed in folders. The kernel's are lost where it has no watches left, and on file systems
// of other machines: who waits is woken by a slow poll as well, and has to look for himself what changed.

import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename } from "node:path";

export class FolderHints implements Disposable {
  readonly #signal: AbortSignal;
  readonly #settleMs: number;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onAbort: () => void;
  #settle: NodeJS.Timeout | undefined;
  #isRaised = false;
  #wake: (() => void) | undefined;

  /** @param settleMs what changes within so long is one hint */
  constructor(signal: AbortSignal, settleMs: number) {
    this.#signal = signal;
    this.#settleMs = settleMs;
    this.#onAbort = () => this.raise();
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Watches these folders and no others; called again when links may lead elsewhere.
   * @returns whether one is watched that was not before: what changed in it until now raised no hint
   */
  watch(folders: Iterable<string>): boolean {
    if (this.#signal.aborted) return false;
    const wanted = new Set(folders);
    for (const [folder, watcher] of this.#watchers) {
      if (!wanted.has(folder)) this.#drop(folder, watcher);
    }
    let isNew = false;
    for (const folder of wanted) {
      if (!this.#watchers.has(folder) && this.#open(folder)) isNew = true;
    }
    return isNew;
  }

  #open(folder: string): boolean {
    try {
      const watcher = watch(folder, { persistent: true }, (event, name) => {
        // It was moved away or removed itself: another one at its path must be watched anew.
        if (event === "rename" && name === basename(folder)) this.#drop(folder, watcher);
        this.#hint();
      });
      watcher.on("error", () => this.#drop(folder, watcher));
      this.#watchers.set(folder, watcher);
      return true;
    } catch {
      // No such folder, or no watches left in the kernel: the poll does it, later.
      return false;
    }
  }

  /** Forgets the hints so far: whoever looks now sees all of it. */
  clear(): void {
    this.#isRaised = false;
  }

  /** Resolves at the next hint, or after so long. */
  async next(pollMs: number): Promise<void> {
    if (!this.#isRaised && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const poll = setTimeout(resolve, pollMs);
      await promise;
      clearTimeout(poll);
    }
    this.#isRaised = false;
  }

  // Not restarted by each event: a folder that never rests must not hide the change.
  #hint(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.raise();
    }, this.#settleMs);
  }

  /** As if something had changed. */
  raise(): void {
    this.#isRaised = true;
    this.#wake?.();
    this.#wake = undefined;
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(folder);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#settle);
    this.#signal.removeEventListener("abort", this.#onAbort);
    for (const [folder, watcher] of this.#watchers) this.#drop(folder, watcher);
  }
}
