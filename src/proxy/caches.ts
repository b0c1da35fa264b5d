// All caches of a process: one memory, what each route keeps of it, and what is taken out of all of them at once, here and in
// the other workers. Outlives snapshots.

import { cacheMemory } from "../config/cache-limits.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Peers } from "../peers/peers.ts";
import { RouteCache, type CacheCounts } from "../cache/route-cache.ts";
import { Store, type Purge } from "../cache/store.ts";

/** What one route keeps in this process. */
export interface CacheRow extends CacheCounts {
  readonly route: string;
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
}

const topic = "cache-purge";

export class Caches {
  readonly #store = new Store(cacheMemory);
  readonly #routes = new Map<string, RouteCache>();
  readonly #peers: Peers;

  constructor(peers: Peers) {
    this.#peers = peers;
    peers.hear(topic, (news) => {
      const purge = purgeOf(news);
      if (purge !== undefined) this.purgeHere(purge);
    });
  }

  /** The same one for as long as the settings stay the same. */
  of(owner: string, use: CacheUse): RouteCache {
    const key = `${owner}\n${JSON.stringify(use)}`;
    let cache = this.#routes.get(key);
    if (cache === undefined)
      this.#routes.set(key, (cache = new RouteCache(owner, use, this.#store)));
    void cache.loading;
    return cache;
  }

  /** Closes all others. */
  keepOnly(used: ReadonlySet<RouteCache>): void {
    let budget = 0;
    for (const [key, cache] of this.#routes) {
      if (used.has(cache)) {
        budget = Math.max(budget, cache.use.memory);
        continue;
      }
      this.#routes.delete(key);
      cache.close();
    }
    this.#store.budget = budget || cacheMemory;
  }

  /** Takes answers out of all workers. @returns how many there were in this one */
  purge(purge: Purge): number {
    this.#peers.tell(topic, purge);
    return this.purgeHere(purge);
  }

  /** In this process alone. */
  purgeHere(purge: Purge): number {
    let count = 0;
    for (const cache of this.#routes.values()) {
      if (purge.owner !== undefined && purge.owner !== cache.owner) continue;
      count += cache.purge(purge);
    }
    return count;
  }

  get rows(): CacheRow[] {
    return [...this.#routes.values()].map(({ owner, counts, shelf }) => ({
      ...{ route: owner, ...counts, entries: shelf.kept.size, bytes: shelf.bytes },
      evictions: shelf.evictions,
    }));
  }
}

const kinds = ["url", "prefix", "tag", "all"] as const satisfies readonly Purge["kind"][];

/** As another worker, or an operator, tells it; undefined = it is none. */
export function purgeOf(news: unknown): Purge | undefined {
  if (typeof news !== "object" || news === null) return undefined;
  const { kind, value, owner } = news as { kind?: unknown; value?: unknown; owner?: unknown };
  const known = kinds.find((each) => each === kind);
  if (known === undefined || typeof value !== "string") return undefined;
  return typeof owner === "string" ? { kind: known, value, owner } : { kind: known, value };
}
