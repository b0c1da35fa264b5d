// Addresses of backends that are given by name. The system's own resolver says which addresses (so that
// /etc/hosts, search domains and mDNS count), DNS says for how long. A name that was once resolved keeps
// its last addresses when DNS fails: traffic goes on.

import { isIP } from "node:net";
import { lookup, Resolver } from "node:dns/promises";

/** Used when DNS names no time to live: from /etc/hosts, say. */
const defaultTtlMs = 30_000;
/** A TTL of 0 must not mean a query for each request, nor one of a week that a change is never seen. */
const minTtlMs = 1_000;
const maxTtlMs = 300_000;
/** After a failure the next try is not worth more than this. */
const retryMs = 2_000;

export class Name {
  readonly #host: string;
  readonly #onChange: () => void;
  #addresses: readonly string[];
  #validUntil = 0;
  #pending: Promise<void> | undefined;
  #failure: Error | undefined;

  /** @param onChange told when the addresses are no longer the same */
  constructor(host: string, onChange: () => void) {
    this.#host = host;
    this.#onChange = onChange;
    const isAddress = isIP(host) !== 0;
    this.#addresses = isAddress ? [host] : [];
    if (isAddress) this.#validUntil = Number.POSITIVE_INFINITY;
  }

  /** What is known now, refreshed behind the scenes when it is old. Empty before the first answer. */
  get addresses(): readonly string[] {
    if (performance.now() >= this.#validUntil) void this.refresh();
    return this.#addresses;
  }

  /** Why there are no addresses. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when addresses are known, or the attempt failed. Never rejects. */
  refresh(): Promise<void> {
    this.#pending ??= this.#resolve().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #resolve(): Promise<void> {
    try {
      const [found, ttlMs] = await Promise.all([
        lookup(this.#host, { all: true, verbatim: true }),
        ttlOf(this.#host),
      ]);
      const addresses = [...new Set(found.map((each) => each.address))].toSorted();
      this.#validUntil = performance.now() + Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs);
      this.#failure = undefined;
      if (addresses.join() === this.#addresses.join()) return;
      this.#addresses = addresses;
      this.#onChange();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#validUntil = performance.now() + retryMs;
    }
  }
}

/** Smallest TTL of the name's addresses, ms; the default where DNS does not know the name. */
async function ttlOf(host: string): Promise<number> {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  const answers = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ]);
  const records = answers.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  if (records.length === 0) return defaultTtlMs;
  return Math.min(...records.map((each) => each.ttl)) * 1000;
}
