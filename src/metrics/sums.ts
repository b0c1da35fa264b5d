// What all workers counted, added up in the primary. Counters never go down while it lives: what a worker had counted
// stays when it is gone. Rows that are given up are over, as series of Prometheus end: put into another row, what they
// had counted in weeks would look as if it had happened just then. So many rows of each kind have names of their own,
// since names come from containers.

import { createHash } from "node:crypto";
import { measureLimits } from "../config/metrics-limits.ts";
import { layouts, type MeterChange, type MeterKind, meterKinds } from "./layout.ts";

/** The row of all those that have none of their own. */
export const others = "(other)";

export interface Sum {
  readonly kind: MeterKind;
  readonly labels: readonly string[];
  readonly values: Float64Array;
  /** `performance.now()` when it was counted in last. */
  touchedAt: number;
}

export interface SumsOptions {
  /** `performance.now()` unless a test says otherwise. */
  readonly now?: () => number;
  /** It is about to be counted in. */
  onTouch?(sum: Sum): void;
}

/** Of one worker: how much of the gauges of a row is its. */
type Shares = Map<Sum, Float64Array>;

export class Sums {
  /** Rows of one kind that have names; more are added to the others. */
  most: number;
  readonly #rows = new Map<MeterKind, Map<string, Sum>>(
    meterKinds.map((kind) => [kind, new Map<string, Sum>()]),
  );
  readonly #shares = new Map<number, Shares>();
  readonly #now: () => number;
  readonly #onTouch: (sum: Sum) => void;

  constructor(most: number, options: SumsOptions = {}) {
    this.most = most;
    this.#now = options.now ?? (() => performance.now());
    this.#onTouch = (sum) => options.onTouch?.(sum);
  }

  /** @param worker numbers those who count, each with gauges of its own */
  add(worker: number, change: MeterChange): void {
    const { kind, labels, changes } = change;
    const { gauges, cells }: { gauges: readonly number[]; cells: number } = layouts[kind];
    const sum = this.#sumFor(kind, labels);
    sum.touchedAt = this.#now();
    this.#onTouch(sum);
    for (let at = 0; at + 1 < changes.length; at += 2) {
      const cell = changes[at]!;
      const difference = changes[at + 1]!;
      if (!(cell >= 0 && cell < cells) || !Number.isFinite(difference)) continue;
      sum.values[cell]! += difference;
      if (gauges.includes(cell)) this.#shift(worker, sum, cell, difference);
    }
  }

  /**
   * Of a gauge. What a worker takes off and never put there it put to the others, while there was no room for this
   * name.
   */
  #shift(worker: number, sum: Sum, cell: number, difference: number): void {
    const share = this.#share(worker, sum);
    const left = share[cell]! + difference;
    share[cell] = Math.max(0, left);
    if (left >= 0) return;
    sum.values[cell]! -= left;
    const rest = this.#others(sum.kind);
    const taken = Math.min(-left, this.#share(worker, rest)[cell]!);
    rest.values[cell]! -= taken;
    this.#share(worker, rest)[cell]! -= taken;
  }

  #share(worker: number, sum: Sum): Float64Array {
    let shares = this.#shares.get(worker);
    if (shares === undefined) this.#shares.set(worker, (shares = new Map()));
    let share = shares.get(sum);
    if (share === undefined) shares.set(sum, (share = new Float64Array(sum.values.length)));
    return share;
  }

  /** undefined = nothing was counted of it, or it is among the others. @param labels as they were told, however long */
  find(kind: MeterKind, ...labels: readonly string[]): Sum | undefined {
    return this.rowsOf(kind).get(keyOf(labels));
  }

  #sumFor(kind: MeterKind, labels: readonly string[]): Sum {
    const rows = this.rowsOf(kind);
    const key = keyOf(labels);
    const known = rows.get(key);
    if (known !== undefined) return known;
    const shown = labels.map(shownLabel);
    // What all others are added to has its place in any case.
    return rows.size < this.most ? this.#make(kind, key, shown) : this.#others(kind);
  }

  #others(kind: MeterKind): Sum {
    const labels = layouts[kind].labels.map(() => others);
    const key = keyOf(labels);
    return this.rowsOf(kind).get(key) ?? this.#make(kind, key, labels);
  }

  #make(kind: MeterKind, key: string, labels: readonly string[]): Sum {
    const values = new Float64Array(layouts[kind].cells);
    const sum: Sum = { kind, labels, values, touchedAt: this.#now() };
    this.rowsOf(kind).set(key, sum);
    return sum;
  }

  rowsOf(kind: MeterKind): Map<string, Sum> {
    const rows = this.#rows.get(kind);
    if (rows === undefined) throw new Error(`nothing of the kind ${kind} is counted`);
    return rows;
  }

  /** It is gone: what it carried is not carried any more. */
  gone(worker: number): void {
    for (const [sum, share] of this.#shares.get(worker) ?? []) {
      for (let at = 0; at < share.length; at++) sum.values[at]! -= share[at]!;
    }
    this.#shares.delete(worker);
  }

  /** Gives names up that nobody uses any more, and that carry nothing. @param isKnown of a row: it is in the configuration */
  sweep(isKnown: (sum: Sum) => boolean): void {
    const before = this.#now() - measureLimits.forgottenAfter;
    for (const kind of meterKinds) {
      const { gauges }: { gauges: readonly number[] } = layouts[kind];
      for (const [key, sum] of this.rowsOf(kind)) {
        if (sum.touchedAt > before || sum.labels[0] === others || isKnown(sum)) continue;
        if (gauges.some((cell) => sum.values[cell] !== 0)) continue;
        for (const shares of this.#shares.values()) shares.delete(sum);
        this.rowsOf(kind).delete(key);
      }
    }
  }
}

/** Lengths keep apart what blanks would not. */
function keyOf(labels: readonly string[]): string {
  return labels.map((each) => `${each.length}:${each}`).join("");
}

/** Two long ones that begin alike must not be shown as one. */
export function shownLabel(label: string): string {
  const { labelLength } = measureLimits;
  if (label.length <= labelLength) return label;
  const mark = createHash("sha256").update(label).digest("hex").slice(0, 8);
  return `${label.slice(0, labelLength - 9)}~${mark}`;
}
