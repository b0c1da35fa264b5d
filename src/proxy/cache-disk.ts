// The disk of all caches of a process: where it is, how large, and whom it is shared with.

import { existsSync } from "node:fs";

import { Disk } from "../cache/disk.ts";
import { prepareRoot } from "../cache/disk-layout.ts";
import type { RouteCache } from "../cache/route-cache.ts";
import type { Purge } from "../cache/store.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { workerCount } from "../config/worker-count.ts";
import { Warning } from "../lib/warning.ts";
import type { Peers } from "../peers/peers.ts";
import type { OnProblem } from "./chain.ts";

const topic = "cache-disk";

/** Whoever looks after this key looks after the disk. */
const keeperKey = "the disk of all caches";

export class CacheDisk {
  readonly disk: Disk;
  readonly #onProblem: OnProblem;
  readonly #warnings = new Map<string, Warning>();
  #root: string | undefined;
  /** Why what is there cannot be got at: it may come back once it can be. */
  #trouble: string | undefined;
  /** As configured: some may not be there yet. */
  #workers = 1;

  constructor(peers: Peers, onProblem: OnProblem) {
    this.#onProblem = onProblem;
    this.disk = new Disk({
      isKeeper: () => peers.ownerOf(keeperKey) === undefined,
      count: () => Math.max(this.#workers, peers.count),
      tell: (news) => peers.tell(topic, news),
      onProblem: (what, cause) => this.#warn(what, cause),
    });
    peers.hear(topic, (news) => this.disk.hear(news));
  }

  /** @param used the caches there are */
  update({ cacheFolder, workers }: Snapshot, used: ReadonlySet<RouteCache>): void {
    const onDisk = [...used].filter(({ use }) => use.disk > 0);
    // What was there before goes, where nobody wants it any more.
    this.#root ??= this.#find(cacheFolder, onDisk.length > 0);
    this.#workers = workerCount(workers.count);
    if (this.#root === undefined) return;
    this.disk.use({
      root: this.#root,
      size: Math.max(0, ...onDisk.map(({ use }) => use.disk)),
      shelves: new Set(onDisk.map(({ diskShelf }) => diskShelf)),
    });
  }

  #find(folder: string | undefined, isUsed: boolean): string | undefined {
    this.#trouble = undefined;
    if (folder === undefined) {
      if (isUsed) this.#warn("cannot be used", "there is no state folder");
      return undefined;
    }
    const isThere = existsSync(folder);
    if (!isUsed && !isThere) return undefined;
    try {
      prepareRoot(folder);
      return folder;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      if (isUsed && isThere) this.#trouble = cause;
      if (isUsed) this.#warn("cannot be used", cause);
      return undefined;
    }
  }

  /** As `Disk.purge`. */
  async purge(purge: Purge): Promise<number> {
    if (this.#trouble !== undefined) throw new Error(this.#trouble);
    return this.disk.purge(purge);
  }

  /** Each kind of trouble by itself, and not for each request. */
  #warn(what: string, cause: string): void {
    const known = this.#warnings.get(what);
    const warning = known ?? new Warning(`the disk of caches ${what}`, {}, this.#onProblem);
    this.#warnings.set(what, warning);
    warning.raise({ cause });
  }
}
