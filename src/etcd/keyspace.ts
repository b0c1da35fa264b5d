// What stands under the prefix, as it is now: listed once, and then changed as etcd tells of changes.

import { etcdSource } from "../config/provider-limits.ts";
import { isBefore } from "./key-range.ts";
import { type Change, type Member, type Pair, revisionOf } from "./member.ts";

export interface KeyspaceLimits {
  readonly keys: number;
  /** Of keys and values together. */
  readonly bytes: number;
}

/** Revisions only grow, unless a store is restored from a backup, or begun anew. */
export interface Fall {
  readonly from: bigint;
  readonly to: bigint;
}

export class Keyspace {
  readonly #limits: KeyspaceLimits;
  #pairs = new Map<string, Pair>();
  #bytes = 0;
  #sorted: readonly string[] | undefined;
  #left = 0;
  /** The latest that was heard of. */
  #revision = 0n;
  #wentBack: Fall | undefined;

  constructor(limits: KeyspaceLimits = etcdSource) {
    this.#limits = limits;
  }

  /** How many keys were too many; they come in when everything is listed again. */
  get left(): number {
    return this.#left;
  }

  /** The store had lost something when it was listed last. */
  get wentBack(): Fall | undefined {
    return this.#wentBack;
  }

  /**
   * All of it as of one moment: what changes after that is told by a watch from the next revision on. What
   * was known stays until everything is there. @returns that revision
   */
  async load(member: Member, signal: AbortSignal): Promise<bigint> {
    const fresh = new Keyspace(this.#limits);
    let page = await member.page(undefined, undefined, signal);
    const revision = revisionOf(page);
    for (;;) {
      for (const pair of page.pairs) fresh.#put(pair);
      const { next, count } = page;
      if (next === undefined) break;
      if (fresh.#left > 0) {
        // Nobody reads millions of keys to leave them alone.
        fresh.#left += Math.max(0, count - page.pairs.length);
        break;
      }
      page = await member.page(next, String(revision), signal);
      if (page.next !== undefined && !isBefore(next, page.next)) {
        throw new Error("what answered is not etcd: it lists the same keys again and again");
      }
    }
    this.#pairs = fresh.#pairs;
    this.#bytes = fresh.#bytes;
    this.#left = fresh.#left;
    this.#sorted = undefined;
    this.#wentBack = revision < this.#revision ? { from: this.#revision, to: revision } : undefined;
    this.#revision = revision;
    return revision;
  }

  apply(changes: readonly Change[]): void {
    for (const { key, value, revision } of changes) {
      if (value === undefined) this.#delete(key);
      else this.#put({ key, value, revision });
      const at = BigInt(revision);
      if (at > this.#revision) this.#revision = at;
    }
  }

  /** In the order of their keys, so that it is the same however it came about. */
  *entries(): Generator<Pair> {
    this.#sorted ??= [...this.#pairs.keys()].sort();
    for (const key of this.#sorted) {
      const pair = this.#pairs.get(key);
      if (pair !== undefined) yield pair;
    }
  }

  get(key: string): Pair | undefined {
    return this.#pairs.get(key);
  }

  #put(pair: Pair): void {
    const { key, value } = pair;
    const before = this.#pairs.get(key)?.value;
    const more = value.length - (before?.length ?? -key.length);
    const isNew = before === undefined;
    const { keys, bytes } = this.#limits;
    if ((isNew && this.#pairs.size >= keys) || this.#bytes + more > bytes) {
      this.#left++;
      return;
    }
    this.#pairs.set(key, pair);
    this.#bytes += more;
    if (isNew) this.#sorted = undefined;
  }

  #delete(key: string): void {
    const before = this.#pairs.get(key)?.value;
    if (before === undefined) return;
    this.#pairs.delete(key);
    this.#bytes -= key.length + before.length;
    this.#sorted = undefined;
  }
}
