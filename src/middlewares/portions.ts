// Bytes in a second: a bucket that fills with time, and those who wait for it to fill. What is in flight is counted when it has
// passed, so a bucket may be overdrawn by what one read brings; whoever comes then waits. One timer serves all.

import { bandwidthLimits as limits } from "../config/limit-limits.ts";

/** Somebody who passes bytes on. */
export interface Flow {
  /** Bytes that it passed on last: so many may come again when it goes on. */
  readonly portion: number;
  /** The bucket has something again. */
  goOn(): void;
}

export class Bucket {
  readonly #rate: number;
  readonly #clock: Clock;
  /** Bytes; below 0 = overdrawn. */
  #left: number;
  #filledAt = performance.now();
  readonly #waiting = new Set<Flow>();
  #flows = 0;

  /** @param rate bytes in a second */
  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = this.#most;
  }

  /** What comes after a pause: a turn's worth, and one read at least. */
  get #most(): number {
    return Math.max((this.#rate * 2 * limits.turn) / 1000, 1);
  }

  get isEmpty(): boolean {
    this.#fill();
    return this.#left <= 0;
  }

  /** It makes no difference whether there is one or a new one. */
  get isWhole(): boolean {
    this.#fill();
    return this.#left >= this.#most && this.#flows === 0;
  }

  /** A flow begins; `leave` ends it. */
  join(): void {
    this.#flows++;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  wait(flow: Flow): void {
    this.#waiting.add(flow);
    this.#clock.add(this);
  }

  /** Once. */
  leave(flow: Flow): void {
    this.#flows--;
    this.#waiting.delete(flow);
  }

  /** Lets go on those for whom there is something, who waited longest first. @returns whether somebody still waits */
  turn(): boolean {
    this.#fill();
    let left = this.#left;
    for (const flow of this.#waiting) {
      if (left <= 0) break;
      this.#waiting.delete(flow);
      left -= Math.max(flow.portion, 1);
      flow.goOn();
    }
    return this.#waiting.size > 0;
  }

  #fill(): void {
    const now = performance.now();
    this.#left = Math.min(this.#most, this.#left + ((now - this.#filledAt) * this.#rate) / 1000);
    this.#filledAt = now;
  }
}

/** Calls the buckets for which somebody waits. */
export class Clock {
  readonly #buckets = new Set<Bucket>();
  #timer: NodeJS.Timeout | undefined;

  add(bucket: Bucket): void {
    this.#buckets.add(bucket);
    this.#timer ??= setInterval(() => this.#turn(), limits.turn).unref();
  }

  #turn(): void {
    for (const bucket of this.#buckets) if (!bucket.turn()) this.#buckets.delete(bucket);
    if (this.#buckets.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Buckets by key, where several requests share one. */
export class Buckets {
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Bucket>();
  /** Goes round. */
  #hand = this.#byKey.entries();

  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** @param key undefined = of its own */
  of(key: string | undefined): Bucket {
    if (key === undefined) return new Bucket(this.#rate, this.#clock);
    let bucket = this.#byKey.get(key);
    if (bucket === undefined) {
      // Twice as fast as they come; those that are whole are like new ones.
      this.#forgetOne();
      this.#forgetOne();
      bucket = new Bucket(this.#rate, this.#clock);
      this.#byKey.set(key, bucket);
    }
    return bucket;
  }

  #forgetOne(): void {
    let next = this.#hand.next();
    if (next.done === true) {
      this.#hand = this.#byKey.entries();
      next = this.#hand.next();
    }
    if (next.done === true) return;
    const [key, bucket] = next.value;
    if (bucket.isWhole || this.#byKey.size >= limits.keys) this.#byKey.delete(key);
  }
}
