// The second level of all caches of a process: answers on disk, which outlive the process. Every process reads what is there,
// the one that fetched an answer writes it, and one of them, the keeper, looks after the size. No process needs to know what
// there is: names of files say where to look. A disk that is slow, full or gone is left alone for a while.

import { mkdir, open, rename, utimes, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import {
  cacheDiskRest,
  cacheDiskWait,
  diskPurgeWait,
  longestDiskHead,
  mostDiskPurges,
  mostDiskReads,
  mostRecentPurges,
  mostUnwritten,
  mostUnwrittenBytes,
  mostWaitingDiskReads,
} from "../config/cache-limits.ts";
import { decodeEntry, encodeEntry, type DiskEntry } from "./disk-file.ts";
import {
  bytesOnDisk,
  type DiskSettings,
  filePlace,
  isCode,
  readPlain,
  unfinishedName,
  writeFlags,
} from "./disk-layout.ts";
import { DiskOrders } from "./disk-orders.ts";
import { purgeDisk, removeFile } from "./disk-purge.ts";
import { DiskKeeper } from "./disk-keeper.ts";
import { DiskRoom, newsOf, type DiskNews } from "./disk-room.ts";
import { isMeant, type Purge } from "./store.ts";
import { Turns } from "./turns.ts";

export interface DiskOptions {
  /** This process looks after the size. */
  isKeeper(): boolean;
  /** Processes that write there. */
  count(): number;
  /** To all other processes. */
  tell(news: DiskNews): void;
  onProblem(what: string, cause: string): void;
}

interface Unwritten {
  readonly shelf: string;
  readonly entry: DiskEntry;
  /** Bytes. */
  readonly weight: number;
  isWanted(): boolean;
}

interface WaitingPurge {
  readonly purge: Purge;
  readonly line: PromiseWithResolvers<number>;
}

/** How often somebody who has no room asks for it, ms. */
const askEvery = 1000;

/** What is used is noted once in so long, ms. */
const noteEvery = 60_000;

/** At the end so long is waited for what is not written yet, ms. */
const endWait = 1000;

export class Disk {
  readonly #options: DiskOptions;
  readonly #room = new DiskRoom();
  readonly #keeper: DiskKeeper;
  readonly #reads = new Turns(mostDiskReads, mostWaitingDiskReads);
  readonly #reading = new Map<string, Promise<DiskEntry | undefined>>();
  /** Of this process, until nothing is left of it. */
  readonly #purging = new Set<Purge>();
  readonly #orders: DiskOrders;
  /** What was done last: it may have been read before. */
  readonly #done: Purge[] = [];
  #doneCount = 0;
  readonly #unwritten: Unwritten[] = [];
  #unwrittenBytes = 0;
  #settings: DiskSettings | undefined;
  #isWriting = false;
  #written: Promise<void> = Promise.resolve();
  #asking: NodeJS.Timeout | undefined;
  #purged: Promise<unknown> = Promise.resolve();
  /** Those that wait for their turn: who wants the same waits with them. */
  readonly #notBegun = new Map<string, WaitingPurge>();
  #noReadsUntil = 0;
  #noWritesUntil = 0;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#orders = new DiskOrders({
      isKeeper: () => options.isKeeper(),
      onRemoved: () => this.#keeper.sweepSoon(),
      onDone: (purge) => this.#noteDone(purge),
      onProblem: (cause) => options.onProblem("cannot be purged; it is tried again", cause),
    });
    this.#keeper = new DiskKeeper({
      isKeeper: () => options.isKeeper(),
      count: () => options.count(),
      onProblem: (cause) => options.onProblem("cannot be looked over", cause),
      onSweeping: () => {
        options.tell({ kind: "sweeping" });
        this.#room.onSweeping();
      },
      onRoom: (bytes) => {
        options.tell({ kind: "room", bytes });
        this.#onRoom(bytes);
      },
    });
  }

  /** undefined = there is none any more. */
  use(settings: DiskSettings | undefined): void {
    const isFirst = this.#settings === undefined;
    this.#settings = settings;
    this.#keeper.use(settings);
    if (isFirst && settings !== undefined) void this.#resume(settings.root);
  }

  hear(text: unknown): void {
    const news = newsOf(text);
    if (news?.kind === "wanted") this.#keeper.sweepSoon();
    else if (news?.kind === "sweeping") this.#room.onSweeping();
    else if (news?.kind === "room") this.#onRoom(news.bytes);
  }

  /** Bytes: what was there when this process looked as the keeper, and what it wrote since anybody looked. */
  bytesOf(shelf: string): number {
    const seen = this.#options.isKeeper() ? this.#keeper.bytesOf(shelf) : 0;
    return seen + this.#room.written(shelf);
  }

  // --- reading -----------------------------------------------------------------------------------

  get mayRead(): boolean {
    return performance.now() >= this.#noReadsUntil;
  }

  /**
   * Never rejects, and answers in time.
   * @param most bytes of a body
   * @param variantFor of the request, by these fields
   */
  async find(
    shelf: string,
    asked: { readonly url: string; readonly key: string },
    most: number,
    variantFor: (names: readonly string[]) => string,
  ): Promise<DiskEntry | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => {
      this.#noReadsUntil = performance.now() + cacheDiskRest;
      this.#options.onProblem("is too slow", `no answer within ${cacheDiskWait} ms`);
      resolve(undefined);
    }, cacheDiskWait);
    try {
      return await Promise.race([this.#find(shelf, asked, most, variantFor), late]);
    } catch (error) {
      this.#noReadsUntil = performance.now() + cacheDiskRest;
      this.#options.onProblem("cannot be read", causeOf(error));
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async #find(
    shelf: string,
    asked: { readonly url: string; readonly key: string },
    most: number,
    variantFor: (names: readonly string[]) => string,
  ): Promise<DiskEntry | undefined> {
    const first = await this.#read(shelf, asked, "", most);
    if (first === undefined) return undefined;
    let found: DiskEntry | undefined = first;
    if (first.stored === undefined) {
      found = await this.#read(shelf, asked, variantFor(first.names), most);
    }
    const root = this.#settings?.root;
    if (found === undefined || root === undefined) return undefined;
    // Who is new was not told of what was ordered before; nor is another program.
    await this.#orders.refresh(root);
    return found.names.join() === first.names.join() ? found : undefined;
  }

  /** Of those who want the same at once, one reads. */
  #read(
    shelf: string,
    { url, key }: { readonly url: string; readonly key: string },
    variant: string,
    most: number,
  ): Promise<DiskEntry | undefined> {
    const root = this.#settings?.root;
    if (root === undefined) return Promise.resolve(undefined);
    const { bucket, name } = filePlace(shelf, url, key, variant);
    const path = join(root, bucket, name);
    const known = this.#reading.get(path);
    if (known !== undefined) return known;
    const reading = this.#reads
      .take(() => load(path, most))
      .then((found) => {
        const isIt = found?.key === key && found.url === url && found.variant === variant;
        return isIt ? found : undefined;
      })
      .finally(() => this.#reading.delete(path));
    this.#reading.set(path, reading);
    return reading;
  }

  // --- writing -----------------------------------------------------------------------------------

  /** @param isWanted asked before others can find it, and afterwards: it may have been taken out meanwhile */
  write(shelf: string, entry: DiskEntry, isWanted: () => boolean): void {
    if (this.#settings === undefined || performance.now() < this.#noWritesUntil) return;
    const { key, url, names, variant, stored } = entry;
    const weight = (stored?.length ?? 0) + 2 * (stored?.lines.length ?? 0) + 2 * key.length;
    const isFull =
      this.#unwritten.length >= mostUnwritten || this.#unwrittenBytes + weight > mostUnwrittenBytes;
    if (isFull) return;
    const all = [{ shelf, entry, weight, isWanted }];
    // Whoever looks for it does not know yet what chooses it.
    const chooser: DiskEntry = { key, url, names, variant: "", stored: undefined };
    if (variant !== "") all.push({ shelf, entry: chooser, weight: 0, isWanted });
    this.#unwritten.push(...all);
    this.#unwrittenBytes += weight;
    this.#pump();
  }

  #pump(): void {
    if (!this.#isWriting) this.#written = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
        const root = this.#settings?.root;
        const isWanted = root !== undefined && performance.now() >= this.#noWritesUntil;
        if (isWanted && next.isWanted()) {
          const file = encodeEntry(next.entry);
          const bytes = bytesOnDisk(file.reduce((sum, { length }) => sum + length, 0));
          if (this.#room.has(bytes)) {
            this.#room.take(next.shelf, bytes);
            await this.#writeOne(root, next, file);
          } else if (!this.#room.isTooMuch(bytes)) {
            this.#askForRoom();
            return;
          }
        }
        this.#drop();
      }
    } finally {
      // Not a moment later: who comes now would wait for the next one.
      this.#isWriting = false;
    }
  }

  /** The first one. */
  #drop(): void {
    this.#unwrittenBytes -= this.#unwritten.shift()?.weight ?? 0;
  }

  async #writeOne(root: string, { shelf, entry, isWanted }: Unwritten, file: Buffer[]) {
    const { bucket, name } = filePlace(shelf, entry.url, entry.key, entry.variant);
    const path = join(root, bucket, name);
    const before = join(root, bucket, unfinishedName(name));
    try {
      await writeWhole(before, file);
      if (isWanted()) await rename(before, path);
      else await removeFile(before);
      if (!isWanted()) await removeFile(path);
    } catch (error) {
      await removeFile(before).catch(() => {});
      // All of its route was taken out meanwhile.
      if (isCode(error, "ENOENT")) return;
      this.#noWritesUntil = performance.now() + cacheDiskRest;
      this.#options.onProblem("cannot be written", causeOf(error));
    }
  }

  #askForRoom(): void {
    if (this.#asking !== undefined) return;
    if (this.#options.isKeeper()) this.#keeper.sweepSoon();
    else this.#options.tell({ kind: "wanted" });
    // Whoever was asked may be gone.
    this.#asking = setTimeout(() => {
      this.#asking = undefined;
      if (this.#unwritten.length > 0) this.#pump();
    }, askEvery).unref();
  }

  #onRoom(bytes: number): void {
    this.#room.onRoom(bytes);
    clearTimeout(this.#asking);
    this.#asking = undefined;
    if (this.#unwritten.length > 0) this.#pump();
  }

  // --- taking out --------------------------------------------------------------------------------

  /** To be compared with later. */
  get mark(): number {
    return this.#doneCount;
  }

  /**
   * What is found must not be given, nor kept: it is on its way out.
   * @param mark when it was looked for: it may be gone since
   */
  isPurging(owner: string, url: string, tags: readonly string[], mark: number): boolean {
    const isIt = (each: Purge) =>
      (each.owner === undefined || each.owner === owner) && isMeant(each, url, tags);
    const since = this.#doneCount - mark;
    if (since > this.#done.length) return true;
    if (since > 0 && this.#done.slice(-since).some(isIt)) return true;
    for (const each of this.#purging) if (isIt(each)) return true;
    return this.#orders.isPurging(owner, url, tags);
  }

  #noteDone(purge: Purge): void {
    this.#doneCount++;
    this.#done.push(purge);
    if (this.#done.length > mostRecentPurges) this.#done.shift();
  }

  /**
   * Takes answers out for good: until that is done they are not found either, and who dies in between has it done by others.
   * @returns how many there were, as far as that is known soon; rejects when some may have been left, which are not given by
   * this process
   */
  async purge(asked: Purge): Promise<number> {
    const root = this.#settings?.root;
    if (root === undefined) return 0;
    const { kind, owner } = asked;
    const known = this.#notBegun.get(JSON.stringify(asked));
    if (known !== undefined) return known.line.promise.then(() => 0);
    const everything: Purge = { kind: "all", value: "", ...(owner === undefined ? {} : { owner }) };
    if (this.#purging.size >= mostDiskPurges) {
      // Everything of that owner is on its way out already, or cannot be taken out: what becomes of it is not known yet.
      if (this.#isAllPurging(owner)) throw new Error("too much is being taken out");
      return this.#purgeAtOnce(root, everything);
    }
    if (kind === "url" || kind === "all") return this.#purgeAtOnce(root, asked);
    this.#purging.add(asked);
    let order;
    try {
      order = await this.#orders.give(root, asked);
    } catch {
      // There may be no room for a word, and still a name can be changed.
      const count = await this.#purgeAtOnce(root, everything);
      this.#purging.delete(asked);
      return count;
    }
    const done = order.done.finally(() => this.#purging.delete(asked));
    return Promise.race([done, sleep(diskPurgeWait, 0, { ref: false })]);
  }

  async #purgeAtOnce(root: string, purge: Purge): Promise<number> {
    this.#purging.add(purge);
    const text = JSON.stringify(purge);
    const line = Promise.withResolvers<number>();
    this.#notBegun.set(text, { purge, line });
    this.#purged = this.#purged.then(() => this.#purgeWaiting(root));
    try {
      const count = await line.promise;
      this.#purging.delete(purge);
      this.#noteDone(purge);
      if (purge.kind === "all" && count > 0) this.#keeper.sweepSoon();
      return count;
    } catch (error) {
      this.#options.onProblem("cannot be purged; remove what is in it", causeOf(error));
      throw error;
    }
  }

  /** All at once: clients can make as many as they like. */
  async #purgeWaiting(root: string): Promise<void> {
    const all = [...this.#notBegun.values()];
    this.#notBegun.clear();
    if (all.length === 0) return;
    const purges = all.map(({ purge }) => purge);
    const counts = await purgeDisk(root, purges).catch(() => undefined);
    for (const [at, { purge, line }] of all.entries()) {
      if (counts !== undefined) line.resolve(counts[at] ?? 0);
      // What is wrong with one is not wrong with the others.
      else await purgeDisk(root, [purge]).then(([count = 0]) => line.resolve(count), line.reject);
    }
  }

  /** What was ordered before this process began. */
  async #resume(root: string): Promise<void> {
    try {
      await this.#orders.refresh(root);
    } catch (error) {
      this.#options.onProblem("cannot be used", causeOf(error));
    }
  }

  #isAllPurging(owner: string | undefined): boolean {
    return [...this.#purging].some((each) => each.kind === "all" && each.owner === owner);
  }

  async close(): Promise<void> {
    this.#keeper.use(undefined);
    this.#orders.close();
    clearTimeout(this.#asking);
    const late = new Promise((resolve) => setTimeout(resolve, endWait).unref());
    await Promise.race([Promise.all([this.#written, this.#purged]), late]);
    this.#settings = undefined;
  }
}

/** undefined = it is not there, or damaged: then it goes. */
async function load(path: string, most: number): Promise<DiskEntry | undefined> {
  const found = await readPlain(path, most + 2 * longestDiskHead, true);
  if (found === undefined) return undefined;
  const entry = decodeEntry(found.bytes);
  if (entry === undefined) {
    await removeFile(path);
    return undefined;
  }
  // What is used stays longest; that this is not noted is no harm.
  const now = Date.now();
  if (now - found.usedAt > noteEvery) {
    void utimes(path, now / 1000, now / 1000).catch(() => {});
  }
  return entry;
}

async function writeWhole(path: string, pieces: Buffer[]): Promise<void> {
  const file = await openNew(path);
  try {
    const length = pieces.reduce((sum, each) => sum + each.length, 0);
    const { bytesWritten } = await file.writev(pieces);
    if (bytesWritten !== length) throw new Error("there is no room");
  } finally {
    await file.close();
  }
}

/** Its folder is made where it is not there. */
async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, writeFlags, 0o600);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return open(path, writeFlags, 0o600);
}

function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
