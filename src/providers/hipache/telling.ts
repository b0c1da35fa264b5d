// Tells the other proxies and checkers on the same Redis that a backend is dead, as Hipache does: its place in the
// list goes into the host's set, and a line to the channel `dead`. While a checker is there it alone marks.

import { hipacheLimits as limits } from "../../config/provider-limits.ts";
import type { HipacheSettings } from "../../config/source-settings.ts";
import type { Log } from "../../lib/log.ts";
import { RedisConnection } from "../redis/connection.ts";
import { RedisFault, type RedisPlace } from "../redis/fault.ts";
import { placesOf } from "../redis/nodes.ts";
import type { Frontend, Member } from "./frontend.ts";

interface Untold {
  readonly host: string;
  readonly count: number;
  readonly member: Member;
}

export class Telling implements Disposable {
  readonly #settings: HipacheSettings;
  readonly #log: Log;
  readonly #connections: RedisConnection[] = [];
  #untold: Untold[] = [];
  #isRunning = false;
  #isDisposed = false;

  constructor(settings: HipacheSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Returns at once. What cannot be told is forgotten: it would be wrong later. */
  tell({ host, count, members }: Frontend, backend: string): void {
    const member = members.get(backend);
    // Under a wildcard the mark would be of the requested host, and it is of all of them here.
    if (member === undefined || count < 2 || host.includes("*") || this.#isDisposed) return;
    if (this.#untold.length >= limits.untold) this.#untold.shift();
    this.#untold.push({ host, count, member });
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      for (;;) {
        const [next, ...rest] = this.#untold;
        if (next === undefined || this.#isDisposed) return;
        this.#untold = rest;
        await this.#mark(next);
      }
    } catch (error) {
      this.#untold = [];
      this.#close();
      if (this.#isDisposed) return;
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn("a dead backend could not be told to others; here it is left alone", {
        provider: this.#settings.name,
        cause,
      });
    } finally {
      this.#isRunning = false;
    }
  }

  async #mark({ host, count, member: { indexes, href } }: Untold): Promise<void> {
    const { prefix, deadTtl } = this.#settings;
    const key = `${prefix}dead:${host}`;
    const isChecked = await this.#isChecked();
    const mark = [
      ["SADD", key, ...indexes.map(String)],
      ["EXPIRE", key, String(Math.max(1, Math.round(deadTtl / 1000)))],
    ];
    const lines = indexes.map((index) => ["PUBLISH", "dead", `${host};${href};${index};${count}`]);
    await this.#ask((connection) => connection.transaction([...(isChecked ? [] : mark), ...lines]));
  }

  async #isChecked(): Promise<boolean> {
    const seconds = await this.#ask((connection) => connection.call(["GET", "hchecker_ping"]));
    if (seconds === null || seconds === undefined) return false;
    return Date.now() - Number(seconds) * 1000 <= limits.checkerFresh;
  }

  /** In a cluster: by whoever holds the key. */
  async #ask<Answer>(ask: (connection: RedisConnection) => Promise<Answer>): Promise<Answer> {
    if (this.#connections.length === 0) {
      for (const place of await placesOf(this.#settings.write)) await this.#open(place);
    }
    let moved: unknown;
    for (const connection of this.#connections) {
      try {
        return await ask(connection);
      } catch (error) {
        if (!(error instanceof RedisFault) || error.code !== "MOVED") throw error;
        moved = error;
      }
    }
    throw moved ?? new Error("the connection was lost");
  }

  async #open(place: RedisPlace): Promise<void> {
    const login = this.#settings.write;
    const connection = await RedisConnection.open({ place, login, protocol: 2 });
    if (this.#isDisposed) return connection[Symbol.dispose]();
    this.#connections.push(connection);
    // It is opened again when there is something to tell.
    void connection.lost.then(() => this.#close());
  }

  #close(): void {
    for (const connection of this.#connections.splice(0)) connection[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#close();
  }
}
