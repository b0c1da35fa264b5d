// What the answers to checks make of a backend: up after so many good ones in a row, down after so many bad
// ones. Counting alone, without time.

import type { HealthCheck } from "../config/service.ts";

/** `unchecked`: gets nothing before its first good answer, and that has not come. */
export type Found = "up" | "down" | "unchecked";

export class Standing {
  readonly #check: HealthCheck;
  #found: Found;
  #wasUp: boolean;
  #good = 0;
  #bad = 0;

  /** @param before what other settings found: it holds until answers say something else */
  constructor(check: HealthCheck, before: Found | undefined) {
    this.#check = check;
    this.#found =
      before === "up" || before === "down" ? before : check.initially === "up" ? "up" : "unchecked";
    this.#wasUp = this.#found === "up" || before === "down";
  }

  get found(): Found {
    return this.#found;
  }

  /** It is down, or about to change, or nobody asked yet. */
  get isUrgent(): boolean {
    return this.#found !== "up" || this.#bad > 0 || this.#good === 0;
  }

  /** Bad answers in a row. */
  get bad(): number {
    return this.#bad;
  }

  take(isGood: boolean): void {
    // Bounded: a backend may be up for years.
    this.#good = isGood ? Math.min(this.#good + 1, this.#check.rise) : 0;
    this.#bad = isGood ? 0 : Math.min(this.#bad + 1, this.#check.fall);
    if (this.#found === "up") {
      if (this.#bad >= this.#check.fall) this.#found = "down";
      return;
    }
    // Who never was up waits to be let in, and is not coming back from anything.
    if (this.#good >= (this.#wasUp ? this.#check.rise : 1)) {
      this.#found = "up";
      this.#wasUp = true;
    } else if (this.#bad >= this.#check.fall) {
      this.#found = "down";
    }
  }
}
