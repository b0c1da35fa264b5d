// What is known of the keys that are followed, in the order of their names, and never more of it than fits. One that
// changes among ten thousand costs next to nothing.

import { redisLimits as limits, sources } from "../../config/provider-limits.ts";

export interface Keys<Value> {
  get(key: string): Value | undefined;
  /** In the order of their names; as they are until the next ones are asked for. */
  entries(): Iterable<readonly [key: string, value: Value]>;
  /** Keys that are too many, or with which there would be too many bytes. */
  readonly left: number;
}

/** @param left as `Keys` has it */
export function tooMuch(left: number) {
  const most = `${sources.items} keys and ${limits.bytes / 1024 / 1024} MiB`;
  return { message: `keys are left alone: ${left}`, remedy: `there may be ${most}; delete some` };
}

export class KeptKeys<Value> implements Keys<Value> {
  readonly #values = new Map<string, Value>();
  readonly #sizeOf: (value: Value) => number;
  #bytes = 0;
  /** Sorted, but for those that came or went since. */
  #order: readonly string[] = [];
  #come: string[] = [];
  #isThinned = false;
  left = 0;

  constructor(sizeOf: (value: Value) => number) {
    this.#sizeOf = sizeOf;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  *entries(): Generator<readonly [string, Value]> {
    if (this.#isThinned || this.#come.length > 0) {
      // One may have gone and come back. Sorting what is nearly sorted takes one pass.
      const all = [...new Set([...this.#order, ...this.#come])];
      this.#order = all.filter((key) => this.#values.has(key)).sort();
      this.#come = [];
      this.#isThinned = false;
    }
    for (const key of this.#order) {
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** @param value undefined = there is no such key. What does not fit changes nothing. */
  put(key: string, value: Value | undefined): "new" | "same" | "too much" {
    const before = this.#values.get(key);
    if (before === value) return "same";
    if (value === undefined) {
      this.#delete(key);
      return "new";
    }
    const more = this.#sizeOf(value) - (before === undefined ? -key.length : this.#sizeOf(before));
    const isTooMany = before === undefined && this.#values.size >= sources.items;
    if (isTooMany || (more > 0 && this.#bytes + more > limits.bytes)) return "too much";
    if (before === undefined) this.#come.push(key);
    this.#values.set(key, value);
    this.#bytes += more;
    return "new";
  }

  /** Whether something was there that is to go. */
  keepOnly(keys: { has(key: string): boolean }): boolean {
    const gone = [...this.#values.keys()].filter((key) => !keys.has(key));
    for (const key of gone) this.#delete(key);
    return gone.length > 0;
  }

  #delete(key: string): void {
    const before = this.#values.get(key);
    if (before === undefined) return;
    this.#values.delete(key);
    this.#bytes -= key.length + this.#sizeOf(before);
    this.#isThinned = true;
  }
}
