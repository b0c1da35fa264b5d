// How long the backends of a service took to answer, since the worker began. Takes no memory until somebody asks.

import { bucketOf, timeBuckets } from "../lib/time-buckets.ts";

const none = new Float64Array(0);

export class ServiceTimes {
  /** Of all together. */
  seconds = 0;
  /** By bucket; empty = none yet. */
  counts = none;

  add(ms: number): void {
    if (this.counts.length === 0) this.counts = new Float64Array(timeBuckets);
    const seconds = ms / 1000;
    this.seconds += seconds;
    this.counts[bucketOf(seconds)]!++;
  }
}
