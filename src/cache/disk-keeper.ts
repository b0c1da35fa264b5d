// Looks over the disk from time to time, and when somebody wants room: in one process at a time.

import { strangeShelfWait } from "../config/cache-limits.ts";
import type { DiskSettings } from "./disk-layout.ts";
import { sweepDisk } from "./disk-sweep.ts";

export interface DiskKeeperUser {
  isKeeper(): boolean;
  count(): number;
  onSweeping(): void;
  /** What each process may write from now on, bytes. */
  onRoom(bytes: number): void;
  onProblem(cause: string): void;
}

/** How often it is looked over at least, ms: what is rubbish goes then. */
const sweepEvery = 5 * 60_000;

/** It rests so many times as long as it looked, and at least so long, ms: looking is not what a process is for. */
const restTimes = 10;
const leastRest = 1000;

export class DiskKeeper {
  readonly #user: DiskKeeperUser;
  #settings: DiskSettings | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSweeping = false;
  /** Somebody asked while it looked. */
  #isWanted = false;
  #restsUntil = 0;
  #used: ReadonlyMap<string, number> = new Map();
  /** Since when shelves of nobody have been seen, ms as of `performance.now()`. */
  readonly #strange = new Map<string, number>();

  constructor(user: DiskKeeperUser) {
    this.#user = user;
  }

  use(settings: DiskSettings | undefined): void {
    const before = this.#settings;
    this.#settings = settings;
    for (const shelf of settings?.shelves ?? []) this.#strange.delete(shelf);
    if (settings === undefined) clearTimeout(this.#timer);
    else if (before === undefined) this.#after(sweepEvery);
  }

  bytesOf(shelf: string): number {
    return this.#used.get(shelf) ?? 0;
  }

  /** Does nothing in a process that is not the keeper. */
  sweepSoon(): void {
    if (this.#settings === undefined || !this.#user.isKeeper()) return;
    if (this.#isSweeping) this.#isWanted = true;
    else this.#after(Math.max(0, this.#restsUntil - performance.now()));
  }

  #after(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#sweep(), ms).unref();
  }

  async #sweep(): Promise<void> {
    const settings = this.#settings;
    if (settings === undefined || this.#isSweeping) return;
    if (!this.#user.isKeeper()) {
      this.#after(sweepEvery);
      return;
    }
    this.#isSweeping = true;
    this.#isWanted = false;
    const began = performance.now();
    try {
      this.#user.onSweeping();
      const { root, size } = settings;
      const isStrange = (shelf: string) => this.#isStrange(shelf);
      // Where nobody has a size, what is there goes with its shelves: who wants it may be about to come.
      const { used } = await sweepDisk(root, { size: size || Infinity, isStrange });
      this.#used = used;
      const all = [...used.values()].reduce((sum, each) => sum + each, 0);
      // One more than there are: while one is replaced, both write.
      this.#user.onRoom(Math.max(0, Math.floor((size - all) / (this.#user.count() + 1))));
    } catch (error) {
      this.#user.onProblem(error instanceof Error ? error.message : String(error));
    }
    this.#isSweeping = false;
    const took = performance.now() - began;
    const rest = Math.max(leastRest, restTimes * took);
    this.#restsUntil = performance.now() + rest;
    if (this.#settings !== undefined) this.#after(this.#isWanted ? rest : sweepEvery);
  }

  /** Nobody has known it for long. */
  #isStrange(shelf: string): boolean {
    if (this.#settings?.shelves.has(shelf) !== false) return false;
    const now = performance.now();
    const since = this.#strange.get(shelf) ?? now;
    this.#strange.set(shelf, since);
    if (now - since < strangeShelfWait) return false;
    this.#strange.delete(shelf);
    return true;
  }
}
