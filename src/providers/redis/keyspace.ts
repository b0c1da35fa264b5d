// Keys of some prefixes with what they hold, followed as they change: one that was heard of is read again,
// all are listed at the start, after a gap, and now and then, since a hint can get lost.

import { setTimeout as pause } from "node:timers/promises";
import { redisLimits as limits, discovery, sources } from "../../config/provider-limits.ts";
import type { RedisServer } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { relist } from "../relist.ts";
import type { RedisConnection } from "./connection.ts";
import { hear, type Hearing } from "./hearing.ts";
import { KeptKeys, type Keys } from "./kept-keys.ts";
import { checkPlaces, placesOf } from "./nodes.ts";
import { scan } from "./scan.ts";

export interface KeyspaceOptions<Value> {
  /** Name of the provider. */
  readonly name: string;
  readonly log: Log;
  readonly server: RedisServer;
  /** None begins with another. */
  readonly prefixes: readonly string[];
  /** undefined = there is no such key. Throws what it cannot cope with. @returns `before` when it is the same still */
  read(connection: RedisConnection, key: string, before?: Value): Promise<Value | undefined>;
  /** About as many bytes as it takes. */
  sizeOf(value: Value): number;
}

/** Says something when something has changed. Ends when the signal is aborted; throws a sentence. */
export async function* followKeys<Value>(
  options: KeyspaceOptions<Value>,
  signal: AbortSignal,
): AsyncGenerator<Keys<Value>> {
  const keyspace = new Keyspace(options);
  const listed = relist(
    {
      list: (ending) => keyspace.list(ending),
      watch: (changed, ending) => keyspace.watch(changed, ending),
      every: discovery.relist,
      rest: (took) => Math.min(limits.restMost, Math.max(limits.rest, took * limits.restShare)),
    },
    signal,
  );
  for await (const keys of listed) if (keys !== undefined) yield keys;
}

interface Node {
  readonly hearing: Hearing;
  /** Keys to read again. */
  hints: Set<string>;
  isAll: boolean;
}

class Keyspace<Value> {
  readonly #options: KeyspaceOptions<Value>;
  #nodes: readonly Node[] = [];
  readonly #kept: KeptKeys<Value>;
  #isListed = false;
  #notBefore = 0;

  constructor(options: KeyspaceOptions<Value>) {
    this.#options = options;
    this.#kept = new KeptKeys(options.sizeOf);
  }

  async watch(changed: () => void, signal: AbortSignal): Promise<void> {
    using stack = new DisposableStack();
    const nodes: Node[] = [];
    for (const place of await placesOf(this.#options.server)) {
      const node = await this.#connect(place, changed);
      stack.use(node.hearing);
      nodes.push(node);
    }
    // Aborted meanwhile, when nobody is there to be told.
    if (signal.aborted) return;
    this.#nodes = nodes;
    changed();
    await Promise.race(nodes.map(({ hearing }) => hearing.listen(signal)));
  }

  async #connect(place: Parameters<typeof hear>[0]["place"], changed: () => void): Promise<Node> {
    const { server, prefixes } = this.#options;
    let node: Node | undefined;
    const onHint = (key: string | undefined) => {
      // Before it is made, everything is to be listed anyway.
      if (node === undefined) return;
      if (key === undefined || node.hints.size >= limits.hints) node.isAll = true;
      else if (this.#isOurs(key)) node.hints.add(key);
      else return;
      changed();
    };
    const hearing = await hear({ place, server, prefixes, onHint });
    node = { hearing, hints: new Set(), isAll: true };
    return node;
  }

  /** A longer one is the name of nothing. */
  #isOurs(key: string): boolean {
    if (key.length > limits.keyLength) return false;
    return this.#options.prefixes.some((each) => key.startsWith(each));
  }

  /** undefined = nothing has changed. */
  async list(signal: AbortSignal): Promise<Keys<Value> | undefined> {
    // Nothing would be taken for what it says.
    if (this.#nodes.length === 0) throw new Error("Redis could not be reached in time");
    // Without a hint it is time to look at everything.
    const isQuiet = this.#nodes.every(({ hints }) => hints.size === 0);
    const isAll = isQuiet || this.#nodes.some((node) => node.isAll);
    const isNews = isAll ? await this.#listAll(signal) : await this.#readHinted();
    const isFirst = !this.#isListed;
    if (isFirst) this.#tell();
    this.#isListed = true;
    return isFirst || isNews ? this.#kept : undefined;
  }

  #tell(): void {
    const { name, log } = this.#options;
    const ways = [...new Set(this.#nodes.map(({ hearing }) => hearing.way))];
    const nodes = this.#nodes.length;
    log.info("Redis is followed", { provider: name, nodes, by: ways.join(", ") });
  }

  async #listAll(signal: AbortSignal): Promise<boolean> {
    await this.#rest(signal);
    const begun = performance.now();
    const { keys, left } = await this.#scanAll(signal);
    let isNews = this.#kept.keepOnly(keys);
    let tooLarge = 0;
    for await (const [key, value] of this.#readAll(keys)) {
      const put = this.#kept.put(key, value);
      if (put === "too much") tooLarge++;
      else if (put === "new") isNews = true;
    }
    const now = performance.now();
    this.#notBefore = now + (now - begun) * limits.restAfterPolled;
    if (this.#kept.left !== left + tooLarge) isNews = true;
    this.#kept.left = left + tooLarge;
    return isNews;
  }

  /** With the node of each. Of too many those that were known count, so that routes do not come and go. */
  async #scanAll(signal: AbortSignal) {
    const { server, prefixes } = this.#options;
    const nodes = this.#nodes.map(({ hearing }) => hearing.connection);
    await checkPlaces(server, nodes);
    const keys = new Map<string, RedisConnection>();
    const fresh = new Map<string, RedisConnection>();
    let left = 0;
    for (const node of this.#nodes) {
      // Before looking: what changes meanwhile is read again.
      node.hints = new Set();
      node.isAll = false;
      const { connection } = node.hearing;
      await scan(connection, prefixes, signal, (key) => {
        if (!this.#isOurs(key)) return;
        if (this.#kept.has(key)) keys.set(key, connection);
        else if (fresh.size < sources.items || fresh.has(key)) fresh.set(key, connection);
        else left++;
      });
    }
    for (const [key, connection] of fresh) {
      if (keys.size < sources.items) keys.set(key, connection);
      else left++;
    }
    return { keys, left };
  }

  /** Where changes are not named, listing many keys each second would keep a server busy. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#nodes.every(({ hearing }) => hearing.way !== "polling")) return;
    const wait = this.#notBefore - performance.now();
    if (wait > 0) await pause(wait, undefined, { signal }).catch(() => undefined);
  }

  async #readHinted(): Promise<boolean> {
    const keys = new Map<string, RedisConnection>();
    for (const node of this.#nodes) {
      for (const key of node.hints) keys.set(key, node.hearing.connection);
      node.hints = new Set();
    }
    let isNews = false;
    for await (const [key, value] of this.#readAll(keys)) {
      // How many are too many is counted when all are listed.
      if (this.#kept.put(key, value) === "new") isNews = true;
    }
    return isNews;
  }

  /** Some hundred at a time: questions to one server do not wait for each other's answers. */
  async *#readAll(keys: ReadonlyMap<string, RedisConnection>) {
    const { read } = this.#options;
    const all = [...keys];
    for (let from = 0; from < all.length; from += limits.readsAtOnce) {
      const batch = all.slice(from, from + limits.readsAtOnce);
      const values = await Promise.all(
        batch.map(async ([key, connection]): Promise<[string, Value | undefined]> => {
          return [key, await read(connection, key, this.#kept.get(key))];
        }),
      );
      yield* values;
    }
  }
}
