// The memory of all caches of a process: a number of bytes that is shared fairly. Whoever takes more than an equal part
// of it, when it is full, gives back first; so a route with many pages cannot push out those of another. Of
// one owner, what was asked for only once goes before what was asked for again.

import { cacheObjectShare, mostVariants, storedOverhead } from "../config/cache-limits.ts";
import { weightOf, type Kept, type Stored } from "./stored.ts";

/** What was asked for again may take so much of its owner's part: the rest is for what is new. */
const protectedShare = 0.8;
/** Nothing is moved to the end of its line more often, ms: a busy page is always near it. */
const moveEvery = 1000;

/** What one owner keeps. */
export class Shelf {
  readonly owner: string;
  readonly kept = new Map<string, Kept>();
  readonly byUrl = new Map<string, Set<Kept>>();
  /** Oldest first. */
  readonly young = new Set<Kept>();
  readonly old = new Set<Kept>();
  bytes = 0;
  oldBytes = 0;
  evictions = 0;

  constructor(owner: string) {
    this.owner = owner;
  }
}

export class Store {
  /** Bytes. */
  budget: number;
  bytes = 0;
  readonly #shelves = new Set<Shelf>();

  constructor(budget: number) {
    this.budget = budget;
  }

  get shelves(): Iterable<Shelf> {
    return this.#shelves;
  }

  open(owner: string): Shelf {
    const shelf = new Shelf(owner);
    this.#shelves.add(shelf);
    return shelf;
  }

  /** It keeps nothing any more, and counts no more when the memory is shared out. */
  close(shelf: Shelf): void {
    for (const each of shelf.kept.values()) this.drop(shelf, each);
    this.#shelves.delete(shelf);
  }

  /** For somebody who asks for it. */
  find(shelf: Shelf, key: string, now: number): Kept | undefined {
    const kept = shelf.kept.get(key);
    if (kept !== undefined && now - kept.movedAt > moveEvery) this.#move(shelf, kept, now);
    return kept;
  }

  #move(shelf: Shelf, kept: Kept, now: number): void {
    kept.movedAt = now;
    (kept.isProtected ? shelf.old : shelf.young).delete(kept);
    shelf.old.add(kept);
    if (kept.isProtected) return;
    kept.isProtected = true;
    shelf.oldBytes += kept.bytes;
    const most = (protectedShare * this.budget) / this.#shelves.size;
    for (const each of shelf.old) {
      if (shelf.oldBytes <= most || shelf.old.size === 1) break;
      each.isProtected = false;
      shelf.oldBytes -= each.bytes;
      shelf.old.delete(each);
      shelf.young.add(each);
    }
  }

  /** Keeps an answer. False: it is too large. */
  put(
    shelf: Shelf,
    place: { readonly key: string; readonly url: string; readonly names: readonly string[] },
    variant: string,
    stored: Stored,
    now: number,
  ): boolean {
    const weight = weightOf(stored, storedOverhead + 2 * place.key.length + 2 * variant.length);
    if (weight > this.budget * cacheObjectShare) return false;
    if (!this.#shelves.has(shelf)) return false;
    let kept = shelf.kept.get(place.key);
    // What is chosen by something else now cannot be found by what chose before.
    if (kept !== undefined && kept.names.join() !== place.names.join()) {
      this.drop(shelf, kept);
      kept = undefined;
    }
    kept ??= this.#begin(shelf, place, now);
    this.#take(shelf, kept, variant);
    if (kept.variants.size >= mostVariants) {
      const [oldest] = kept.variants.keys();
      if (oldest !== undefined) this.#take(shelf, kept, oldest);
    }
    kept.variants.set(variant, stored);
    this.#count(shelf, kept, weight);
    this.#makeRoom(kept);
    return true;
  }

  #begin(
    shelf: Shelf,
    {
      key,
      url,
      names,
    }: { readonly key: string; readonly url: string; readonly names: readonly string[] },
    now: number,
  ): Kept {
    const variants = new Map<string, Stored>();
    const kept: Kept = { key, url, names, variants, bytes: 0, isProtected: false, movedAt: now };
    shelf.kept.set(key, kept);
    shelf.young.add(kept);
    const same = shelf.byUrl.get(url);
    if (same === undefined) shelf.byUrl.set(url, new Set([kept]));
    else same.add(kept);
    return kept;
  }

  /** Takes one variant out. */
  #take(shelf: Shelf, kept: Kept, variant: string): void {
    const before = kept.variants.get(variant);
    if (before === undefined) return;
    kept.variants.delete(variant);
    const weight = weightOf(before, storedOverhead + 2 * kept.key.length + 2 * variant.length);
    this.#count(shelf, kept, -weight);
  }

  #count(shelf: Shelf, kept: Kept, bytes: number): void {
    kept.bytes += bytes;
    shelf.bytes += bytes;
    this.bytes += bytes;
    if (kept.isProtected) shelf.oldBytes += bytes;
  }

  /** @param spared what has just come */
  #makeRoom(spared: Kept): void {
    while (this.bytes > this.budget) {
      const largest = this.#largest();
      if (largest === undefined) return;
      const first = firstBut(largest.young, spared) ?? firstBut(largest.old, spared);
      if (first === undefined) return;
      this.drop(largest, first);
      largest.evictions++;
    }
  }

  /** Who has most has more than an equal part. */
  #largest(): Shelf | undefined {
    let largest: Shelf | undefined;
    for (const each of this.#shelves) {
      if (largest === undefined || each.bytes > largest.bytes) largest = each;
    }
    return largest;
  }

  drop(shelf: Shelf, kept: Kept): void {
    if (shelf.kept.get(kept.key) !== kept) return;
    shelf.kept.delete(kept.key);
    shelf.young.delete(kept);
    shelf.old.delete(kept);
    const same = shelf.byUrl.get(kept.url);
    same?.delete(kept);
    if (same?.size === 0) shelf.byUrl.delete(kept.url);
    if (kept.isProtected) shelf.oldBytes -= kept.bytes;
    shelf.bytes -= kept.bytes;
    this.bytes -= kept.bytes;
    kept.variants.clear();
    kept.bytes = 0;
  }

  /** Takes out what is chosen; returns how many. */
  purge(shelf: Shelf, purge: Purge): number {
    if (purge.kind === "url") return this.#purgeAll(shelf, shelf.byUrl.get(purge.value) ?? []);
    const chosen = [...shelf.kept.values()].filter(({ url, variants }) => {
      if (purge.kind !== "tag") return isMeant(purge, url, []);
      return [...variants.values()].some(({ tags }) => isMeant(purge, url, tags));
    });
    return this.#purgeAll(shelf, chosen);
  }

  #purgeAll(shelf: Shelf, chosen: Iterable<Kept>): number {
    let count = 0;
    for (const each of [...chosen]) {
      this.drop(shelf, each);
      count++;
    }
    return count;
  }
}

/** What is taken out before its time. URLs are `https://host/path?query`, as clients asked for them. */
export interface Purge {
  readonly kind: "url" | "prefix" | "tag" | "all";
  readonly value: string;
  /** Only of this owner; left out = of all. */
  readonly owner?: string;
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

export function isMeant({ kind, value }: Purge, url: string, tags: readonly string[]): boolean {
  switch (kind) {
    case "all":
      return true;
    case "url":
      return url === value;
    case "prefix":
      return url.startsWith(value);
    case "tag":
      return tags.includes(value);
  }
}

function firstBut(line: Iterable<Kept>, spared: Kept): Kept | undefined {
  for (const each of line) if (each !== spared) return each;
  return undefined;
}
