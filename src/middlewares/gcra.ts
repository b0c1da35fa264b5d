// Counts requests by the generic cell rate algorithm (ITU-T I.371): of each key it remembers one time for each rate, the one
// at which all that came would have come at the average. It is exact, has no windows at whose edges twice as much passes, and
// needs no timer. Times are whole numbers of 1/16 us, so that nothing is ever rounded away. Hot: bench/head.ts

import type { Rate } from "../config/middlewares/uses/limit.ts";

/** In a millisecond. */
export const ticksPerMs = 16_000;

/** A clock that never goes back. */
export function ticksNow(): number {
  return Math.floor(performance.now() * ticksPerMs);
}

/** What a rate is in ticks. */
export interface Pace {
  /** Between two requests, at the average: rounded up, so that never more passes. */
  readonly step: number;
  /** So far ahead of the average may somebody be, the next request not counted. */
  readonly slack: number;
}

export function paceOf({ average, period, burst }: Rate): Pace {
  const step = Math.ceil((period * ticksPerMs) / average);
  return { step, slack: (burst - 1) * step };
}

interface Bucket {
  readonly key: string;
  /** For each rate: when it is whole again. */
  readonly whole: number[];
  /** It has come again since the hand went over it. */
  hasReturned: boolean;
}

/** Buckets that the hand looks at with every new key: two, so that it goes round faster than keys come. */
const looks = 2;
/** And at most, when there is no room. */
const mostLooks = 8;

export class Gcra {
  readonly #paces: readonly Pace[];
  readonly #mostKeys: number;
  readonly #buckets = new Map<string, Bucket>();
  /** Goes round: a new iterator would step over all that was deleted at the beginning, every time. */
  #hand = this.#buckets.values();

  /** @param mostKeys how many are remembered */
  constructor(rates: readonly Rate[], mostKeys: number) {
    this.#paces = rates.map(paceOf);
    this.#mostKeys = mostKeys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Counts one request, unless it comes too early for one of the rates.
   * @param now ticks
   * @returns ticks to wait; 0 = it may pass
   */
  take(key: string, now: number): number {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#makeRoom(now);
      bucket = { key, whole: this.#paces.map(() => now), hasReturned: false };
      this.#buckets.set(key, bucket);
    } else {
      bucket.hasReturned = true;
    }
    const { whole } = bucket;
    let wait = 0;
    for (let at = 0; at < whole.length; at++) {
      const early = whole[at]! - now - this.#paces[at]!.slack;
      if (early > wait) wait = early;
    }
    if (wait > 0) return wait;
    for (let at = 0; at < whole.length; at++) {
      whole[at] = Math.max(whole[at]!, now) + this.#paces[at]!.step;
    }
    return 0;
  }

  /** Ticks until each rate is whole again. */
  used(key: string, now: number): number[] {
    const whole = this.#buckets.get(key)?.whole;
    return this.#paces.map((_, at) => Math.max(0, (whole?.[at] ?? now) - now));
  }

  /**
   * Forgets keys that are whole again, which loses nothing. Where there is no room at all: one that has come only once, before
   * those that come again and again, so that a flood of new keys drives itself out.
   */
  #makeRoom(now: number): void {
    let victim: Bucket | undefined;
    const isFull = this.#buckets.size >= this.#mostKeys;
    for (let look = 0; look < (isFull ? mostLooks : looks); look++) {
      const bucket = this.#next();
      if (bucket === undefined) break;
      if (bucket.whole.every((each) => each <= now)) {
        this.#buckets.delete(bucket.key);
        if (isFull) return;
      } else if (!bucket.hasReturned && victim === undefined) {
        victim = bucket;
        if (isFull) break;
      } else {
        bucket.hasReturned = false;
      }
    }
    if (this.#buckets.size < this.#mostKeys) return;
    victim ??= this.#next();
    if (victim !== undefined) this.#buckets.delete(victim.key);
  }

  #next(): Bucket | undefined {
    const next = this.#hand.next();
    if (next.done !== true) return next.value;
    this.#hand = this.#buckets.values();
    return this.#hand.next().value;
  }
}
