// What is known of paths that were asked for lately: small files with all that is said of them, and scripts that are there. Believed for a
// second, then looked at again. Of all services of a process together so much, and no more. Hot: bench/workloads/files.ts

import { fileCache } from "../config/files-limits.ts";

interface Entry<T> {
  readonly key: string;
  readonly value: T;
  readonly bytes: number;
  readonly shelf: Shelf<T>;
  believedUntil: number;
  /** Somebody asked for it since that was last looked at. */
  isUsed: boolean;
}

export class FileCache<T> {
  /** In the order in which they came, or got another chance. */
  readonly #entries = new Set<Entry<T>>();
  readonly #mostBytes: number;
  readonly #mostEntries: number;
  #bytes = 0;

  constructor(mostBytes: number = fileCache.bytes, mostEntries: number = fileCache.entries) {
    this.#mostBytes = mostBytes;
    this.#mostEntries = mostEntries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(entry: Entry<T>): void {
    this.#entries.add(entry);
    this.#bytes += entry.bytes;
    this.#makeRoom();
  }

  drop(entry: Entry<T>): void {
    if (this.#entries.delete(entry)) this.#bytes -= entry.bytes;
  }

  /** What was asked for meanwhile goes to the end once; so each step makes progress. */
  #makeRoom(): void {
    while (this.#bytes > this.#mostBytes || this.#entries.size > this.#mostEntries) {
      const [oldest] = this.#entries;
      if (oldest === undefined) return;
      if (oldest.isUsed) {
        oldest.isUsed = false;
        this.#entries.delete(oldest);
        this.#entries.add(oldest);
      } else {
        oldest.shelf.remove(oldest.key);
      }
    }
  }
}

/** The part of one service. */
export class Shelf<T> {
  readonly #cache: FileCache<T>;
  readonly #known = new Map<string, Entry<T>>();

  constructor(cache: FileCache<T>) {
    this.#cache = cache;
  }

  /** What may be believed at this time (`performance.now()`). */
  get(key: string, now: number): T | undefined {
    const entry = this.#known.get(key);
    if (entry === undefined || now > entry.believedUntil) return undefined;
    entry.isUsed = true;
    return entry.value;
  }

  /** What was there when it was last looked at. */
  last(key: string): T | undefined {
    return this.#known.get(key)?.value;
  }

  /** @param bytes what it holds in memory */
  put(key: string, value: T, bytes: number, now: number): void {
    const isUsed = this.#known.get(key)?.isUsed ?? false;
    this.remove(key);
    const believedUntil = now + fileCache.believedFor;
    const entry = { key, value, bytes, shelf: this, believedUntil, isUsed };
    this.#known.set(key, entry);
    this.#cache.add(entry);
  }

  remove(key: string): void {
    const entry = this.#known.get(key);
    if (entry === undefined) return;
    this.#known.delete(key);
    this.#cache.drop(entry);
  }

  clear(): void {
    for (const key of [...this.#known.keys()]) this.remove(key);
  }
}
