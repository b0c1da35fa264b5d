// How often somebody may fail to log in, counted by address or by name. After a few failures each further
// try has to wait twice as long as the one before. The table is bounded: the oldest are forgotten.

import { isIPv6 } from "node:net";

export interface ThrottleSettings {
  /** Failures that cost nothing. */
  readonly free: number;
  /** Wait after the first that does, ms. */
  readonly first: number;
  readonly longest: number;
  readonly forgottenAfter: number;
}

interface Failures {
  readonly count: number;
  readonly last: number;
}

export class Throttle {
  readonly #settings: ThrottleSettings;
  readonly #most: number;
  readonly #now: () => number;
  /** In the order of the last failure. */
  readonly #failures = new Map<string, Failures>();

  /** @param now of a clock that nobody sets: set back, it would have everybody wait for as long */
  constructor(settings: ThrottleSettings, most: number, now: () => number) {
    this.#settings = settings;
    this.#most = most;
    this.#now = now;
  }

  /** Milliseconds until another try is allowed; 0 = now. */
  wait(key: string): number {
    const found = this.#found(key);
    if (found === undefined) return 0;
    const { free, first, longest } = this.#settings;
    if (found.count < free) return 0;
    const pause = Math.min(longest, first * 2 ** Math.min(found.count - free, 30));
    return Math.max(0, found.last + pause - this.#now());
  }

  /** Before it is known how it ends, so that many at once count as many. */
  begin(key: string): void {
    const count = (this.#found(key)?.count ?? 0) + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, last: this.#now() });
    if (this.#failures.size <= this.#most) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }

  count(key: string): number {
    return this.#found(key)?.count ?? 0;
  }

  /** Takes so many failures back. */
  forgive(key: string, count: number): void {
    const found = this.#found(key);
    if (found === undefined) return;
    if (found.count <= count) this.#failures.delete(key);
    else this.#failures.set(key, { ...found, count: found.count - count });
  }

  #found(key: string): Failures | undefined {
    const found = this.#failures.get(key);
    if (found === undefined) return undefined;
    if (this.#now() - found.last <= this.#settings.forgottenAfter) return found;
    this.#failures.delete(key);
    return undefined;
  }
}

/** Whoever has one address of IPv6 has 2^64 of them. */
export function addressKey(address: string): string {
  const [bare = ""] = address.split("%");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped !== null) return mapped[1] ?? "";
  if (!isIPv6(bare)) return bare;
  const [head = "", tail] = bare.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0");
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(":")}::/64`;
}
