// Those who have to go to a backend by themselves for the same key, since its answer is not to be shared: a few at once,
// and the next one when one of them is done.

import { mostAlonePerKey } from "../config/fill-limits.ts";

interface Line {
  running: number;
  /** The next ones are being let go. */
  isPassing: boolean;
  readonly waiting: Set<() => void>;
}

export class AloneLine {
  readonly #lines = new Map<string, Line>();

  /**
   * Calls `go` now, or when it is its turn; `end` must be called then.
   * @returns what takes it out of the line; after its turn has come that does nothing
   */
  enter(key: string, go: () => void): () => void {
    const line = this.#lines.get(key) ?? { running: 0, isPassing: false, waiting: new Set() };
    this.#lines.set(key, line);
    if (line.running < mostAlonePerKey) {
      line.running++;
      go();
      return () => {};
    }
    line.waiting.add(go);
    return () => line.waiting.delete(go);
  }

  /** One of those that went is done. */
  end(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    line.running--;
    // Whoever goes may be done at once: a thousand of them must not stand on top of each other.
    if (line.isPassing) return;
    line.isPassing = true;
    for (const next of line.waiting) {
      if (line.running >= mostAlonePerKey) break;
      line.waiting.delete(next);
      line.running++;
      next();
    }
    line.isPassing = false;
    if (line.running <= 0) this.#lines.delete(key);
  }
}
