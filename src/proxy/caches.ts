// All caches of a process: one memory, what each route keeps of it, and what is taken out of all of them at once, here and in
// the other workers. Outlives snapshots.

import { cacheMemory } from "../config/cache-limits.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Peers } from "../peers/peers.ts";
import { RouteCache, type CacheCounts } from "../cache/route-cache.ts";
import { purgeOf, Store, type Purge } from "../cache/store.ts";
import { CacheDisk } from "./cache-disk.ts";
import type { OnProblem } from "./chain.ts";

/** What one route keeps in this process. */
export interface CacheRow extends CacheCounts {
  readonly route: string;
  readonly entries: number;
  readonly bytes: number;
  readonly evictions: number;
  readonly diskBytes: number;
}

export interface PurgeOutcome {
  /** Answers that were there, in memory and on disk. */
  readonly removed: number;
  /** Some may be left on disk. */
  readonly trouble: string | undefined;
}

const topic = "cache-purge";

export class Caches {
  readonly #store = new Store(cacheMemory);
  readonly #routes = new Map<string, RouteCache>();
  readonly #peers: Peers;
  readonly #disk: CacheDisk;

  constructor(peers: Peers, onProblem: OnProblem) {
    this.#peers = peers;
    this.#disk = new CacheDisk(peers, onProblem);
    peers.hear(topic, (news) => {
      const purge = purgeOf(news);
      if (purge !== undefined) void this.purgeHere(purge);
    });
  }

  /** The same one for as long as the settings stay the same. */
  of(owner: string, use: CacheUse): RouteCache {
    const key = `${owner}\n${JSON.stringify(use)}`;
    let cache = this.#routes.get(key);
    if (cache === undefined) {
      cache = new RouteCache(owner, use, this.#store, this.#disk.disk);
      this.#routes.set(key, cache);
    }
    void cache.loading;
    return cache;
  }

  /** Closes all others. */
  keepOnly(used: ReadonlySet<RouteCache>, snapshot: Snapshot): void {
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
    this.#disk.update(snapshot, used);
  }

  /** Takes answers out of all workers. Never rejects; resolves when none of them can come back. */
  purge(purge: Purge): Promise<PurgeOutcome> {
    this.#peers.tell(topic, purge);
    return this.purgeHere(purge);
  }

  /** In this process alone, and on disk. */
  async purgeHere(purge: Purge): Promise<PurgeOutcome> {
    let count = 0;
    for (const cache of this.#routes.values()) {
      if (purge.owner !== undefined && purge.owner !== cache.owner) continue;
      count += cache.purge(purge);
    }
    try {
      return { removed: count + (await this.#disk.purge(purge)), trouble: undefined };
    } catch (error) {
      const trouble = error instanceof Error ? error.message : String(error);
      return { removed: count, trouble };
    }
  }

  get rows(): CacheRow[] {
    return [...this.#routes.values()].map(({ owner, counts, shelf, diskShelf }) => ({
      ...{ route: owner, ...counts, entries: shelf.kept.size, bytes: shelf.bytes },
      evictions: shelf.evictions,
      diskBytes: diskShelf === "" ? 0 : this.#disk.disk.bytesOf(diskShelf),
    }));
  }

  /** Waits a moment for what is not on disk yet. */
  close(): Promise<void> {
    return this.#disk.disk.close();
  }
}
