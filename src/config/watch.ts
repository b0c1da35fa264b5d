// Hints that a file's content changed. The folder is watched, not the file: editors and `mv` put another
// file in its place, and Kubernetes swaps a link above it. Some of those changes happen in no folder
// that we watch, so there is always a slow poll as well; it also serves where fs.watch fails.

import { createHash } from "node:crypto";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";

const settleMs = 50;
const pollMs = 2000;

/**
 * Yields once when it watches, then whenever the content differs from before: what is read after the
 * first yield can be trusted. A file that is gone is a content of its own.
 */
export async function* watchConfigFile(path: string, signal: AbortSignal): AsyncGenerator<void> {
  using hints = new Hints(signal);
  let known: string | undefined;
  while (!signal.aborted) {
    // Watched before it is looked at: what changes in between raises a hint.
    hints.watch([dirname(path), dirname(await realpath(path).catch(() => path))]);
    const now = await digestOf(path);
    if (now !== known && !signal.aborted) {
      known = now;
      yield;
    }
    await hints.next();
  }
}

async function digestOf(path: string): Promise<string> {
  try {
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch (error) {
    // Gone, or not readable: that too is a state, and leaving it is a change.
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

class Hints {
  readonly #signal: AbortSignal;
  readonly #watchers: Map<string, FSWatcher>;
  readonly #poll: NodeJS.Timeout;
  readonly #onAbort: () => void;
  #settle: NodeJS.Timeout | undefined;
  #isRaised: boolean;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.#watchers = new Map();
    this.#poll = setInterval(() => this.#raise(), pollMs);
    this.#onAbort = () => this.#raise();
    this.#settle = undefined;
    this.#isRaised = false;
    this.#wake = undefined;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Watches these folders and no others; called again when links may lead elsewhere. */
  watch(folders: readonly string[]): void {
    for (const [folder, watcher] of this.#watchers) {
      if (!folders.includes(folder)) this.#drop(folder, watcher);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: true }, () => this.#hint());
        watcher.on("error", () => this.#drop(folder, watcher));
        this.#watchers.set(folder, watcher);
      } catch {
        // No such folder, or no watches left in the kernel: the poll does it, later.
      }
    }
  }

  async next(): Promise<void> {
    if (!this.#isRaised && !this.#signal.aborted) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    this.#isRaised = false;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    this.#signal.removeEventListener("abort", this.#onAbort);
    for (const [folder, watcher] of this.#watchers) this.#drop(folder, watcher);
  }

  // Not restarted by each event: a folder that never rests must not hide the change.
  #hint(): void {
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.#raise();
    }, settleMs);
  }

  #raise(): void {
    this.#isRaised = true;
    this.#wake?.();
    this.#wake = undefined;
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(folder);
  }
}
