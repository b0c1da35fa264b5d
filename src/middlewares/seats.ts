// Places for requests that run at once, by key: of this worker alone, or of all of them. Exact over all, each key's places are
// given by the worker that looks after it; everybody tells it from time to time all that he has, so that no message that was
// lost, and no worker that died, keeps a place for ever.

import { randomUUID } from "node:crypto";
import { concurrencyLimits as limits } from "../config/limit-limits.ts";
import type { Peer, Peers } from "../peers/peers.ts";

export interface Seats {
  take(key: string): boolean | Promise<boolean>;
  give(key: string): void;
  close?(): void;
}

/** Counts by key; who has none is not there. */
class Counts {
  readonly #counts = new Map<string, number>();

  get(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string, more: number): void {
    const count = this.get(key) + more;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }

  get size(): number {
    return this.#counts.size;
  }

  entries(): IterableIterator<[string, number]> {
    return this.#counts.entries();
  }
}

export class OwnSeats implements Seats {
  readonly #limit: number;
  readonly #taken = new Counts();

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(key: string): boolean {
    if (this.#taken.get(key) >= this.#limit) return false;
    this.#taken.add(key, 1);
    return true;
  }

  give(key: string): void {
    this.#taken.add(key, -1);
  }
}

interface Holder {
  counts: Counts;
  /** `performance.now()` */
  heardAt: number;
}

/** Who has how many, of the keys that this worker looks after. */
export class SeatTable {
  readonly #limit: number;
  readonly #holders = new Map<string, Holder>();
  readonly #all = new Counts();

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(name: string, key: string): boolean {
    if (this.#all.get(key) >= this.#limit) return false;
    this.#holder(name).counts.add(key, 1);
    this.#all.add(key, 1);
    return true;
  }

  give(name: string, key: string): void {
    const { counts } = this.#holder(name);
    if (counts.get(key) === 0) return;
    counts.add(key, -1);
    this.#all.add(key, -1);
  }

  /** All that somebody has. @param isMore it goes on with what it said before */
  replace(name: string, entries: Iterable<readonly [string, number]>, isMore: boolean): void {
    if (!isMore) this.forget(name);
    const { counts } = this.#holder(name);
    for (const [key, count] of entries) {
      counts.add(key, count);
      this.#all.add(key, count);
    }
  }

  forget(name: string): void {
    const holder = this.#holders.get(name);
    if (holder === undefined) return;
    this.#holders.delete(name);
    for (const [key, count] of holder.counts.entries()) this.#all.add(key, -count);
  }

  /** Those of whom nothing was heard for long. */
  forgetSilent(but: string): void {
    const since = performance.now() - limits.reportHolds;
    for (const [name, { heardAt }] of this.#holders) {
      if (heardAt < since && name !== but) this.forget(name);
    }
  }

  get hasOthers(): boolean {
    return this.#holders.size > 1;
  }

  #holder(name: string): Holder {
    const holder = this.#holders.get(name) ?? { counts: new Counts(), heardAt: 0 };
    holder.heardAt = performance.now();
    this.#holders.set(name, holder);
    return holder;
  }
}

type Question =
  | readonly ["take" | "give", holder: string, key: string]
  | readonly [
      "all",
      holder: string,
      entries: readonly (readonly [string, number])[],
      isMore: boolean,
    ];

export class HostSeats implements Seats {
  readonly #limit: number;
  readonly #topic: string;
  readonly #peers: Peers;
  readonly #name = randomUUID();
  readonly #table: SeatTable;
  readonly #onAlone: () => void;
  readonly #takeBack: () => void;
  /** Those that requests here have, and those that are asked for. */
  readonly #mine = new Counts();
  #told = new Set<Peer>();
  #reports = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param name the same in all workers @param onAlone it was decided here what another should have */
  constructor(limit: number, name: string, peers: Peers, onAlone: () => void) {
    this.#limit = limit;
    this.#topic = `concurrency ${name}`;
    this.#peers = peers;
    this.#table = new SeatTable(limit);
    this.#onAlone = onAlone;
    this.#takeBack = peers.answer(this.#topic, (question) => this.#answer(question));
  }

  take(key: string): boolean | Promise<boolean> {
    const owner = this.#peers.ownerOf(this.#topic + key);
    if (owner !== undefined) return this.#ask(owner, key);
    const isGiven = this.#table.take(this.#name, key);
    if (isGiven) this.#hold(key);
    return isGiven;
  }

  give(key: string): void {
    this.#mine.add(key, -1);
    const owner = this.#peers.ownerOf(this.#topic + key);
    if (owner === undefined) this.#table.give(this.#name, key);
    else this.#say(owner, ["give", this.#name, key]);
  }

  async #ask(owner: Peer, key: string): Promise<boolean> {
    this.#hold(key);
    const reports = this.#reports;
    let isGiven: boolean;
    try {
      const question: Question = ["take", this.#name, key];
      isGiven = (await owner.ask(this.#topic, question, limits.peerWait)) === true;
    } catch {
      // Nobody knows what others have: an equal share.
      this.#onAlone();
      isGiven = this.#mine.get(key) <= Math.ceil(this.#limit / this.#peers.count);
    }
    if (isGiven) return true;
    this.#mine.add(key, -1);
    // A report that left meanwhile says that we have it: under a flood all places would look taken.
    if (reports !== this.#reports) this.#say(owner, ["give", this.#name, key]);
    return false;
  }

  #say(owner: Peer, question: Question): void {
    owner.ask(this.#topic, question, limits.peerWait).catch(() => {
      // What was lost is in the next report, also when there is nothing else to say.
      if (question[0] !== "give") return;
      this.#told.add(owner);
      this.#watch();
    });
  }

  #hold(key: string): void {
    this.#mine.add(key, 1);
    this.#watch();
  }

  #watch(): void {
    this.#timer ??= setInterval(() => this.#report(), limits.reportEvery).unref();
  }

  #answer(question: unknown): unknown {
    if (!Array.isArray(question)) return undefined;
    const [verb, name, about, isMore] = question as unknown[];
    if (typeof name !== "string") return undefined;
    this.#watch();
    if (verb === "take" && typeof about === "string") return this.#table.take(name, about);
    if (verb === "give" && typeof about === "string") this.#table.give(name, about);
    if (verb === "all" && Array.isArray(about)) {
      this.#table.replace(name, (about as unknown[]).filter(isEntry), isMore === true);
    }
    return true;
  }

  /** Tells everybody who looks after keys of ours all that we have of his, and himself too. */
  #report(): void {
    this.#reports++;
    const byOwner = new Map<Peer | undefined, (readonly [string, number])[]>([[undefined, []]]);
    for (const peer of this.#told) byOwner.set(peer, []);
    for (const entry of this.#mine.entries()) {
      const owner = this.#peers.ownerOf(this.#topic + entry[0]);
      const entries = byOwner.get(owner) ?? [];
      entries.push(entry);
      byOwner.set(owner, entries);
    }
    const told = new Set<Peer>();
    for (const [owner, entries] of byOwner) {
      if (owner === undefined) {
        this.#table.replace(this.#name, entries, false);
        continue;
      }
      if (entries.length > 0) told.add(owner);
      for (let at = 0; at === 0 || at < entries.length; at += limits.mostReported) {
        const part = entries.slice(at, at + limits.mostReported);
        this.#say(owner, ["all", this.#name, part, at > 0]);
      }
    }
    this.#told = told;
    this.#table.forgetSilent(this.#name);
    const isQuiet = this.#mine.size === 0 && told.size === 0 && !this.#table.hasOthers;
    if (!isQuiet) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    this.#takeBack();
  }
}

function isEntry(entry: unknown): entry is readonly [string, number] {
  if (!Array.isArray(entry)) return false;
  const [key, count] = entry as unknown[];
  return typeof key === "string" && Number.isSafeInteger(count) && Number(count) > 0;
}
