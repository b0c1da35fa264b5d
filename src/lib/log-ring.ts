// The latest lines of the diagnostics log, kept for whoever asks the running program, and told to those
// who follow. A listener must not throw and must not wait: it is called in the middle of a log call.

import type { LogRecord } from "./log.ts";

// What an operator reads back: some hours of a quiet program, the last minutes of a noisy one.
const maxRecords = 2000;
// Lines are usually 200 bytes, but a stack is some KiB, and two thousand stacks would be 10 MiB for
// something nobody may ever read.
const maxBytes = 1024 * 1024;

interface Kept {
  readonly record: LogRecord;
  readonly bytes: number;
}

export interface RingLimits {
  readonly records: number;
  readonly bytes: number;
}

export class LogRing {
  readonly #limits: RingLimits;
  readonly #listeners = new Set<(record: LogRecord) => void>();
  readonly #kept: Kept[] = [];
  #bytes = 0;

  constructor(limits: RingLimits = { records: maxRecords, bytes: maxBytes }) {
    this.#limits = limits;
  }

  push(record: LogRecord): void {
    const bytes = Buffer.byteLength(JSON.stringify(record));
    this.#kept.push({ record, bytes });
    this.#bytes += bytes;
    while (this.#isOver()) this.#bytes -= this.#kept.shift()?.bytes ?? 0;
    for (const listener of this.#listeners) listener(record);
  }

  /** Oldest first. */
  recent(count: number): readonly LogRecord[] {
    return this.#kept.slice(Math.max(0, this.#kept.length - count)).map(({ record }) => record);
  }

  /** Returns the function that ends it. */
  follow(listener: (record: LogRecord) => void): () => void {
    // One of its own for each call, so that the same function may follow twice.
    const own = (record: LogRecord) => listener(record);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The newest line stays, however long it is. */
  #isOver(): boolean {
    const count = this.#kept.length;
    return count > 1 && (count > this.#limits.records || this.#bytes > this.#limits.bytes);
  }
}
