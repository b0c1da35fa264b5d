// What the traffic to one backend says of its health, as one worker sees it: connections that fail in a row,
// exchanges that fail in a row, or too many failed ones within a while. What is done about a backend found
// dead, here and in the other workers, is for others to say.

import type { PassiveHealth } from "../config/service.ts";
import { SlidingCounts } from "../lib/sliding-counts.ts";
import { type Clock, clock } from "./clock.ts";
import { isStatusIn } from "./status-ranges.ts";

/** @param ms until the answer began */
export function isGoodAnswer(settings: PassiveHealth, status: number, ms: number): boolean {
  if (settings.slow > 0 && ms > settings.slow) return false;
  return !isStatusIn(settings.statuses, status);
}

const ALL = 0;
const BAD = 1;

export class PassiveWatch {
  readonly #settings: PassiveHealth;
  readonly #now: Clock;
  /** Only where a ratio is set: there are tens of thousands of backends. */
  readonly #window: SlidingCounts | undefined;
  #connectRow = 0;
  #failureRow = 0;

  constructor(settings: PassiveHealth, { now = clock }: { readonly now?: Clock } = {}) {
    this.#settings = settings;
    this.#now = now;
    this.#window = settings.ratio > 0 ? new SlidingCounts(2, settings.window) : undefined;
  }

  /** A connection could not be opened. Returns whether that makes the backend dead. */
  connectFailed(): boolean {
    this.#connectRow++;
    const { connectFailures } = this.#settings;
    const isRow = connectFailures > 0 && this.#connectRow >= connectFailures;
    return this.#judge(isRow, true);
  }

  /** An exchange was answered, or failed on an open connection. Returns whether the backend is dead now. */
  ended(isGood: boolean): boolean {
    if (isGood) {
      this.#connectRow = 0;
      this.#failureRow = 0;
    } else {
      this.#failureRow++;
    }
    const { failures } = this.#settings;
    return this.#judge(failures > 0 && this.#failureRow >= failures, !isGood);
  }

  /** All is forgotten: the backend is given another chance. */
  clear(): void {
    this.#connectRow = 0;
    this.#failureRow = 0;
    this.#window?.clear();
  }

  #judge(isRow: boolean, isBad: boolean): boolean {
    const isDead = this.#count(isBad) || isRow;
    // What follows is about the next time.
    if (isDead) this.clear();
    return isDead;
  }

  /** Returns whether there are too many bad ones. */
  #count(isBad: boolean): boolean {
    const window = this.#window;
    if (window === undefined) return false;
    window.moveTo(this.#now());
    window.add(ALL);
    if (!isBad) return false;
    window.add(BAD);
    const all = window.sum(ALL);
    return all >= this.#settings.minRequests && window.sum(BAD) / all >= this.#settings.ratio;
  }
}
