// Names that clients ask for, told to whoever has certificates made on demand: each once in a while, and not more than so many at a
// time, since anybody can ask for any name.

import { tlsLimits as limits } from "../config/tls-limits.ts";

export class AskedFor {
  readonly #tell: (name: string) => void;
  readonly #again: number;
  readonly #now: () => number;
  /** When each was told last. */
  readonly #told = new Map<string, number>();
  #wanted: readonly string[] = [];
  #since = 0;
  #count = 0;

  /** @param again each name is told once in so long, ms. @param now milliseconds */
  constructor(
    tell: (name: string) => void,
    again: number,
    now: () => number = () => performance.now(),
  ) {
    this.#tell = tell;
    this.#again = again;
    this.#now = now;
  }

  /** @param wanted hosts, `*.example.com` for any below, `*` for all */
  take(wanted: readonly string[]): void {
    this.#wanted = wanted;
  }

  asked(name: string): void {
    if (this.#wanted.length === 0 || name === "" || !isAmong(this.#wanted, name)) return;
    const now = this.#now();
    const before = this.#told.get(name);
    if (before !== undefined && now - before < this.#again) return;
    if (now - this.#since >= 1000) {
      this.#since = now;
      this.#count = 0;
    }
    if (this.#count >= limits.askedPerSecond) return;
    this.#count++;
    this.#told.delete(name);
    if (this.#told.size >= limits.askedNames) this.#forgetOldest();
    this.#told.set(name, now);
    this.#tell(name);
  }

  #forgetOldest(): void {
    for (const name of this.#told.keys()) {
      this.#told.delete(name);
      return;
    }
  }
}

function isAmong(wanted: readonly string[], name: string): boolean {
  return wanted.some(
    (each) =>
      each === "*" || each === name || (each.startsWith("*.") && name.endsWith(each.slice(1))),
  );
}
