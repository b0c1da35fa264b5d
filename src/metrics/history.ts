// What happened of late, for people who look on: a point for each second of some minutes, and how fast the rows that
// are in use go just now. Both are bounded, and rows that nobody uses cost nothing.

import { measureLimits } from "../config/metrics-limits.ts";
import type { MeterKind } from "./layout.ts";
import type { Sum } from "./sums.ts";

interface Marks {
  older: Float64Array;
  newer: Float64Array;
}

/** How much rows grew in the last five to ten seconds. */
export class RecentGrowth {
  readonly #marks = new Map<Sum, Marks>();
  #olderAt: number;
  #newerAt: number;

  constructor(now: number) {
    this.#olderAt = now;
    this.#newerAt = now;
  }

  /** Something is about to be added to it. */
  note(sum: Sum): void {
    if (this.#marks.has(sum)) return;
    const before = sum.values.slice();
    this.#marks.set(sum, { older: before, newer: before });
  }

  has(sum: Sum): boolean {
    return this.#marks.has(sum);
  }

  /** Called about once a second. */
  turn(now: number): void {
    if (now - this.#newerAt < measureLimits.window) return;
    this.#olderAt = this.#newerAt;
    this.#newerAt = now;
    for (const [sum, marks] of this.#marks) {
      if (isEqual(marks.older, sum.values)) {
        this.#marks.delete(sum);
        continue;
      }
      marks.older = marks.newer;
      marks.newer = sum.values.slice();
    }
  }

  /** What a row has more than then. */
  of(sum: Sum): Float64Array {
    const older = this.#marks.get(sum)?.older ?? sum.values;
    return sum.values.map((value, at) => value - (older[at] ?? 0));
  }

  /** The time that `of` is about, seconds. */
  seconds(now: number): number {
    return Math.max(1, (now - this.#olderAt) / 1000);
  }

  *active(kind: MeterKind): Iterable<Sum> {
    for (const sum of this.#marks.keys()) if (sum.kind === kind) yield sum;
  }
}

function isEqual(a: Float64Array, b: Float64Array): boolean {
  return a.every((value, at) => value === b[at]);
}

/** The latest of a row of things, the oldest first. */
export class Ring<T> {
  readonly #most: number;
  #kept: T[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(each: T): void {
    this.#kept.push(each);
    // Cut rarely: taking the first of a long row off moves all the others.
    if (this.#kept.length > this.#most * 2) this.#kept = this.#kept.slice(-this.#most);
  }

  latest(count = this.#most): readonly T[] {
    return count <= 0 ? [] : this.#kept.slice(-Math.min(count, this.#most));
  }
}
