// All answers that are being fetched by this worker, by key, so that whoever wants the same waits for it; and the keys of
// which it is known that waiting leads nowhere.

import { mostFillBytes, mostUnshared, unsharedFor } from "../config/fill-limits.ts";
import { AloneLine } from "./alone-line.ts";
import { Fill, type DenialReason, type FillOptions, type FillOwner } from "./fill.ts";

export class Fills implements FillOwner {
  readonly alone = new AloneLine();
  readonly #byKey = new Map<string, Fill>();
  readonly #keys = new Map<Fill, string>();
  /** By key, until when, ms as of `performance.now()`; in the order of that. */
  readonly #unshared = new Map<string, number>();
  #held = 0;

  /** Answers on their way. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Bytes in memory of answers on their way. */
  get held(): number {
    return this.#held;
  }

  /** The last answer for it was for one client alone: who comes now does not wait for another. */
  isUnshared(key: string): boolean {
    const until = this.#unshared.get(key);
    if (until === undefined) return false;
    if (until > performance.now()) return true;
    this.#unshared.delete(key);
    return false;
  }

  /** What is on its way for that key, if anything. */
  find(key: string): Fill | null {
    return this.#byKey.get(key) ?? null;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Begins another one; feed it. @param key undefined = nobody else may join it */
  begin(key: string | undefined, options: FillOptions): Fill {
    const fill = new Fill(options, this);
    if (key !== undefined) {
      this.#byKey.set(key, fill);
      this.#keys.set(fill, key);
    }
    return fill;
  }

  onHeld(bytes: number): boolean {
    this.#held += bytes;
    return this.#held <= mostFillBytes;
  }

  onClosed(fill: Fill, why: DenialReason | "over"): void {
    const key = this.#keys.get(fill);
    if (key === undefined) return;
    this.#keys.delete(fill);
    if (this.#byKey.get(key) === fill) this.#byKey.delete(key);
    if (why === "private") this.#mark(key);
  }

  #mark(key: string): void {
    this.#unshared.delete(key);
    this.#unshared.set(key, performance.now() + unsharedFor);
    const [oldest] = this.#unshared.keys();
    if (this.#unshared.size > mostUnshared && oldest !== undefined) this.#unshared.delete(oldest);
  }
}
