// A database of places in memory: one for each file and process, however many middlewares ask it. A file that changed takes the
// place of the one before when it can be used, and otherwise changes nothing.

import { open } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname } from "node:path";
import { geoLimits as limits } from "../config/geo-limits.ts";
import { FolderHints } from "../lib/folder-hints.ts";
import { factsOf, type GeoFacts, nowhere } from "./geo-facts.ts";

interface Reader {
  readonly metadata: { readonly ipVersion: number };
  get(address: string): unknown;
}

export type OnTrouble = (why: string) => void;

const all = new Map<string, GeoDatabase>();

export class GeoDatabase {
  readonly #path: string;
  readonly #stopping = new AbortController();
  readonly #hints = new FolderHints(this.#stopping.signal, limits.settle);
  readonly #users = new Set<OnTrouble>();
  readonly #ready = Promise.withResolvers<void>();
  #isReady = false;
  #reader: Reader | undefined;
  /** Of the file that was looked at last, good or bad. */
  #seen = "";
  #trouble = "";
  readonly #remembered = new Map<string, GeoFacts>();

  private constructor(path: string) {
    this.#path = path;
    void this.#run();
  }

  /** @param onTrouble it cannot be used, or a new file cannot. Give it back with `release`. */
  static of(path: string, onTrouble: OnTrouble): GeoDatabase {
    const database = all.get(path) ?? new GeoDatabase(path);
    all.set(path, database);
    database.#users.add(onTrouble);
    if (database.#trouble !== "") onTrouble(database.#trouble);
    return database;
  }

  release(onTrouble: OnTrouble): void {
    this.#users.delete(onTrouble);
    if (this.#users.size > 0 || this.#stopping.signal.aborted) return;
    all.delete(this.#path);
    this.#stopping.abort();
    this.#hints[Symbol.dispose]();
  }

  /** Kept once it is known whether it can be used; undefined = it is. */
  get loading(): Promise<void> | undefined {
    return this.#isReady ? undefined : this.#ready.promise;
  }

  /** @param address plain */
  factsOf(address: string): GeoFacts {
    const known = this.#remembered.get(address);
    if (known !== undefined) return known;
    const facts = this.#lookUp(address);
    if (this.#remembered.size >= limits.remembered) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(address, facts);
    return facts;
  }

  #lookUp(address: string): GeoFacts {
    const reader = this.#reader;
    if (reader === undefined) return nowhere;
    // There it would be looked for as if its beginning were an IPv4 address.
    if (reader.metadata.ipVersion === 4 && address.includes(":")) return nowhere;
    try {
      return factsOf(reader.get(address));
    } catch (error) {
      this.#fail(`is damaged: ${messageOf(error)}`);
      return nowhere;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#hints.clear();
      this.#hints.watch([dirname(this.#path)]);
      await this.#look();
      this.#isReady = true;
      this.#ready.resolve();
      await this.#hints.next(limits.poll);
    }
  }

  async #look(): Promise<void> {
    try {
      const bytes = await this.#readNew();
      if (bytes === undefined || this.#stopping.signal.aborted) return;
      this.#reader = await readerOf(bytes);
      this.#remembered.clear();
      this.#trouble = "";
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** undefined = it is the file that was there before. */
  async #readNew(): Promise<Buffer | undefined> {
    await using file = await open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    const seen = `${found.ino} ${found.size} ${found.mtimeMs}`;
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    if (!found.isFile()) throw new Error("is not a file");
    if (found.size > limits.bytes) throw new Error("is too large");
    return await file.readFile();
  }

  #fail(why: string): void {
    if (this.#stopping.signal.aborted || this.#trouble === why) return;
    this.#trouble = why;
    const also = this.#reader === undefined ? "no place is known" : "the one before still counts";
    for (const tell of this.#users) tell(`${why}; ${also}`);
  }
}

const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");

/** Throws when it is no database, or was cut off. */
async function readerOf(bytes: Buffer): Promise<Reader> {
  // Looked for by the reader in all of it, byte for byte.
  const tail = bytes.subarray(Math.max(0, bytes.length - limits.tail));
  if (!tail.includes(marker)) throw new Error("is not an MMDB file, or was cut off");
  const { Reader } = await import("mmdb-lib");
  const reader: Reader = new Reader(bytes);
  // Whoever cannot answer these would answer nobody.
  reader.get("192.0.2.1");
  if (reader.metadata.ipVersion === 6) reader.get("2001:db8::1");
  return reader;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
