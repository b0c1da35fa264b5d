// What a peer may cost a connection without bringing work: a bucket for each kind of frame, emptied by time and by
// useful work. Made with the first frame that is counted.

import { http2Floods, type FloodKind } from "../../config/http2-limits.ts";

interface Bucket {
  level: number;
  /** `performance.now()`, and the work done, when it was last emptied. */
  at: number;
  work: number;
}

export class FloodBudget {
  /** Streams that ended well, and frames and 4 kB of bodies. */
  work = 0;
  #buckets: Map<FloodKind, Bucket> | null = null;

  /** @returns false: it was too much */
  spend(kind: FloodKind, cost = 1): boolean {
    const { burst, perSecond, work: perWork } = http2Floods[kind];
    this.#buckets ??= new Map();
    let bucket = this.#buckets.get(kind);
    if (bucket === undefined) {
      bucket = { level: 0, at: performance.now(), work: this.work };
      this.#buckets.set(kind, bucket);
    }
    bucket.level += cost;
    if (bucket.level <= burst) return true;
    // Only a full one is emptied: that spares nearly every look at the clock, and lets two bursts pass at worst.
    const now = performance.now();
    const left = ((now - bucket.at) / 1000) * perSecond + (this.work - bucket.work) * perWork;
    bucket.level = Math.max(0, bucket.level - cost - left) + cost;
    bucket.at = now;
    bucket.work = this.work;
    return bucket.level <= burst;
  }
}
