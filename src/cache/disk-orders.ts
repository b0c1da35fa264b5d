// Orders to look through all files and take some out. Each is a file beside them until nothing is left of what it means, so it
// need not be waited for, and whoever starts in between, or belongs to another program, knows of it.

import { open, rename, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { cacheDiskRest, longestDiskOrder } from "../config/cache-limits.ts";
import {
  isCode,
  isOrder,
  namesIn,
  orderName,
  readPlain,
  unfinishedName,
  writeFlags,
} from "./disk-layout.ts";
import { purgeByLooking, removeFile } from "./disk-purge.ts";
import { isMeant, purgeOf, type Purge } from "./store.ts";

export interface DiskOrdersUser {
  /** This process does what is ordered. */
  isKeeper(): boolean;
  onRemoved(): void;
  /** Nothing is left of it, and it is forgotten. */
  onDone(purge: Purge): void;
  onProblem(cause: string): void;
}

interface DiskOrder {
  readonly path: string;
  readonly purge: Purge;
}

interface KnownOrder {
  readonly purge: Purge;
  /** What this process took out. */
  count: number;
  /** Nothing is left of it; resolves with `count`. */
  readonly done: PromiseWithResolvers<number>;
}

/** How often it is looked whether somebody else has done what was ordered, ms. */
const lookEvery = 200;

/** File systems tell times no finer than this, to be sure, ms: what changed just now may have changed once more. */
const coarse = 1000;

export class DiskOrders {
  readonly #user: DiskOrdersUser;
  /** By path. */
  readonly #known = new Map<string, KnownOrder>();
  /** When the folder was changed last, as it was looked through; undefined = it has to be again. */
  #seen: number | undefined;
  #isFollowing = false;
  #isClosed = false;

  constructor(user: DiskOrdersUser) {
    this.#user = user;
  }

  isPurging(owner: string, url: string, tags: readonly string[]): boolean {
    for (const { purge } of this.#known.values()) {
      if (purge.owner !== undefined && purge.owner !== owner) continue;
      if (isMeant(purge, url, tags)) return true;
    }
    return false;
  }

  /** Once this resolves it holds, whatever becomes of this process. */
  async give(root: string, purge: Purge): Promise<{ readonly done: Promise<number> }> {
    const order = await noteOrder(root, purge);
    return { done: this.#take(root, order).done.promise };
  }

  /** Hears of what others ordered, whoever they are. Costs little while nothing in the folder has changed. */
  async refresh(root: string): Promise<void> {
    const now = Date.now();
    const found = await stat(root).catch((error: unknown) => {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    });
    if (found === undefined || found.mtimeMs === this.#seen) return;
    for (const each of await ordersIn(root)) this.#take(root, each);
    this.#seen = now - found.mtimeMs > coarse ? found.mtimeMs : undefined;
  }

  #take(root: string, { path, purge }: DiskOrder): KnownOrder {
    const known = this.#known.get(path) ?? { purge, count: 0, done: Promise.withResolvers() };
    this.#known.set(path, known);
    void this.#follow(root);
    return known;
  }

  /** Until all are done, by whoever is the keeper. */
  async #follow(root: string): Promise<void> {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    while (this.#known.size > 0 && !this.#isClosed) {
      try {
        if (this.#user.isKeeper()) await this.#obey(root);
        else await sleep(lookEvery, undefined, { ref: false });
        await this.#forget(root);
      } catch (error) {
        this.#user.onProblem(error instanceof Error ? error.message : String(error));
        await sleep(cacheDiskRest, undefined, { ref: false });
      }
    }
    this.#isFollowing = false;
  }

  /** Looks through all files once for all orders there are. */
  async #obey(root: string): Promise<void> {
    const orders = await ordersIn(root);
    const purges = orders.map(({ purge }) => purge);
    const count = await purgeByLooking(root, purges);
    for (const { path } of orders) {
      const known = this.#known.get(path);
      if (known !== undefined) known.count += count;
      await removeFile(path);
    }
    if (count > 0) this.#user.onRemoved();
  }

  async #forget(root: string): Promise<void> {
    // What is ordered meanwhile may not be among the names.
    const before = [...this.#known];
    const names = new Set(await namesIn(root));
    for (const [path, { purge, count, done }] of before) {
      if (names.has(basename(path))) continue;
      this.#known.delete(path);
      this.#user.onDone(purge);
      done.resolve(count);
    }
  }

  close(): void {
    this.#isClosed = true;
  }
}

/** Once this resolves it is there, whatever becomes of this process. */
export async function noteOrder(root: string, purge: Purge): Promise<DiskOrder> {
  const text = JSON.stringify(purge);
  if (Buffer.byteLength(text) > longestDiskOrder) throw new Error("it is too long");
  const path = join(root, orderName());
  const before = join(root, unfinishedName(orderName()));
  try {
    const file = await open(before, writeFlags, 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(before, path);
  } catch (error) {
    await removeFile(before).catch(() => {});
    throw error;
  }
  return { path, purge };
}

/** Of all processes. Throws when one cannot be read: what it means must not be given. */
export async function ordersIn(root: string): Promise<readonly DiskOrder[]> {
  const found: DiskOrder[] = [];
  for (const name of await namesIn(root)) {
    if (!isOrder(name)) continue;
    const path = join(root, name);
    const file = await readPlain(path, longestDiskOrder, true);
    const purge = file === undefined ? undefined : readOrder(file.bytes.toString());
    // One that was not written to its end was never confirmed; or it has just been done.
    if (purge === undefined) await removeFile(path);
    else found.push({ path, purge });
  }
  return found;
}

function readOrder(text: string): Purge | undefined {
  try {
    return purgeOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
