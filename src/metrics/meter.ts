// Rows of numbers that a process counts in. A row costs nothing until something is counted, and what did not change
// is not looked at when the changes are told: of ten thousand routes most are quiet. Hot: bench/metrics.ts

import { measureLimits } from "../config/metrics-limits.ts";
import { layouts, type MeterChange, type MeterKind } from "./layout.ts";

const none = new Float64Array(0);

export class Meter {
  readonly kind: MeterKind;
  readonly labels: readonly string[];
  readonly #book: MeterBook;
  #values = none;
  /** As told last. */
  #told = none;
  /** What counters said that are kept elsewhere. */
  #followed = none;
  isChanged = false;

  constructor(kind: MeterKind, labels: readonly string[], book: MeterBook) {
    this.kind = kind;
    this.labels = labels;
    this.#book = book;
  }

  /** To count in; what is counted will be told. */
  get cells(): Float64Array {
    if (!this.isChanged) {
      this.isChanged = true;
      this.#book.note(this);
      if (this.#values.length === 0) {
        const size = layouts[this.kind].cells;
        this.#values = new Float64Array(size);
        this.#told = new Float64Array(size);
      }
    }
    return this.#values;
  }

  add(cell: number, amount: number): void {
    const { cells } = this;
    cells[cell] = (cells[cell] ?? 0) + amount;
  }

  /** Of what goes up and down. */
  set(cell: number, value: number): void {
    if ((this.#values[cell] ?? 0) !== value) this.cells[cell] = value;
  }

  /** Of a counter that is kept elsewhere; one that says less than before began anew. */
  follow(cell: number, count: number): void {
    if (this.#followed.length === 0) {
      if (count === 0) return;
      this.#followed = new Float64Array(layouts[this.kind].cells);
    }
    const before = this.#followed[cell] ?? 0;
    if (count === before) return;
    this.#followed[cell] = count;
    this.add(cell, count < before ? count : count - before);
  }

  /** What there is to tell. */
  take(): MeterChange | undefined {
    this.isChanged = false;
    const values = this.#values;
    const told = this.#told;
    const changes: number[] = [];
    for (let at = 0; at < values.length; at++) {
      const value = values[at]!;
      const before = told[at]!;
      if (value === before) continue;
      changes.push(at, value - before);
      told[at] = value;
    }
    return changes.length === 0 ? undefined : { kind: this.kind, labels: this.labels, changes };
  }
}

/** All rows of a process that something was counted in since it was asked last. */
export class MeterBook {
  #changed: Meter[] = [];

  meter(kind: MeterKind, ...labels: readonly string[]): Meter {
    return new Meter(kind, labels, this);
  }

  note(meter: Meter): void {
    this.#changed.push(meter);
  }

  /** What changed, the longest known first; the rest when it is asked again. */
  take(most: number = measureLimits.rowsPerReport): readonly MeterChange[] {
    if (this.#changed.length === 0) return [];
    const taken = this.#changed.splice(0, most);
    return taken.map((each) => each.take()).filter((each) => each !== undefined);
  }
}
