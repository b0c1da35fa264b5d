// What is to be delivered, one file for each message and channel, so that neither a dead mail server nor an
// end of the program loses anything. Bounded in number and age: what is dropped is counted, and told. Where
// the disk does not take it, memory does.

import { mkdirSync, readdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../lib/log.ts";
import { Warning } from "../lib/warning.ts";
import { isRecord } from "./alert.ts";
import { messageOf } from "./message.ts";
import type { Message } from "./message.ts";
import { isUnfinished, readSafely, writeSafely } from "./safe-file.ts";

// Days of an outage at the usual rate of alerts; beyond it nobody reads them one by one.
const mostEntries = 1000;
/** Later nobody wants to know: what is still wrong was told again since. */
const longestWait = 7 * 86_400_000;
/** Of one message: 500 items of the longest kind. */
const mostBytes = 4 * 1024 * 1024;
/** Broken files are for somebody to look at, not to fill the disk. */
const mostBroken = 20;

export interface Entry {
  readonly channel: string;
  readonly name: string;
  readonly at: number;
  /** Only here, since the disk did not take it. */
  readonly message: Message | undefined;
}

export interface QueueOptions {
  readonly folder: string;
  readonly log: Log;
  readonly now: () => number;
}

export class AlertQueue {
  readonly #folder: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #full: Warning;
  #entries: Entry[] = [];
  #dropped = new Map<string, number>();
  #writing = Promise.resolve();

  constructor({ folder, log, now }: QueueOptions) {
    this.#folder = folder;
    this.#log = log;
    this.#now = now;
    const message = "alerts cannot be written to the disk and are kept in memory only";
    this.#full = new Warning(message, { folder }, (text, fields) => log.warn(text, fields));
  }

  /** Finds what an earlier process left. */
  async load(): Promise<void> {
    const found: Entry[] = [];
    for (const name of this.#names()) {
      if (isUnfinished(name)) await rm(this.#path(name), { force: true });
      const [, at, channel] = /^(\d{15})-([a-z0-9-]+)\.[\w-]{1,64}\.json$/.exec(name) ?? [];
      if (at === undefined || channel === undefined) continue;
      found.push({ channel, name, at: Number(at), message: undefined });
    }
    // What came while we read is the youngest.
    const known = new Set(this.#entries.map(({ name }) => name));
    this.#entries = [...found.filter(({ name }) => !known.has(name)), ...this.#entries];
    this.#dropped = await this.#readDropped();
  }

  #names(): string[] {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      return readdirSync(this.#folder).sort();
    } catch (error) {
      this.#full.raise({ why: reasonOf(error) });
      return [];
    }
  }

  /** How many wait for a channel. */
  sizeOf(channel: string): number {
    return this.#entries.filter((entry) => entry.channel === channel).length;
  }

  first(channel: string): Entry | undefined {
    return this.#entries.find((entry) => entry.channel === channel);
  }

  /** The same message for the same channel twice is there once. Never throws. */
  async add(channel: string, message: Message): Promise<void> {
    const name = `${String(message.at).padStart(15, "0")}-${channel}.${message.id}.json`;
    if (this.#entries.some((entry) => entry.name === name)) return;
    this.#entries.push({ channel, name, at: message.at, message });
    const old = this.#entries.filter((entry) => entry.channel === channel).slice(0, -mostEntries);
    await this.#drop(old, "there were too many");
    await this.persist();
  }

  /** Brings to the disk what is only in memory. Never throws. */
  persist(): Promise<void> {
    // One after the other: two that write the same entry would undo each other.
    this.#writing = this.#writing.then(() => this.#persistAll());
    return this.#writing;
  }

  async #persistAll(): Promise<void> {
    for (const entry of this.#entries.filter(({ message }) => message !== undefined)) {
      try {
        await writeSafely(this.#path(entry.name), JSON.stringify(entry.message));
      } catch (error) {
        this.#full.raise({ why: reasonOf(error) });
        return;
      }
      const at = this.#entries.indexOf(entry);
      if (at >= 0) this.#entries[at] = { ...entry, message: undefined };
      // It was delivered while it was written.
      else await this.#unlink(entry);
    }
  }

  /** What is in it; undefined when it is broken: then it is out of the queue, and set aside. */
  async read(entry: Entry): Promise<Message | undefined> {
    if (entry.message !== undefined) return entry.message;
    try {
      const text = await readSafely(this.#path(entry.name), mostBytes);
      const message = text === undefined ? undefined : messageOf(JSON.parse(text));
      if (message !== undefined) return message;
      await this.#setAside(entry, text === undefined ? "it is gone" : "it is damaged");
    } catch (error) {
      await this.#setAside(entry, reasonOf(error));
    }
    return undefined;
  }

  async #setAside(entry: Entry, why: string): Promise<void> {
    this.#forget(entry);
    const path = this.#path(entry.name);
    this.#log.warn("an alert in the queue cannot be read and is set aside", { file: path, why });
    const isRoom = this.#names().filter((name) => name.endsWith(broken)).length < mostBroken;
    // Not readable and not movable: the next start finds it, and says so again.
    await (isRoom ? rename(path, path + broken) : rm(path, { force: true })).catch(() => undefined);
  }

  /** It was delivered. */
  async remove(entry: Entry): Promise<void> {
    this.#forget(entry);
    await this.#unlink(entry);
  }

  async #unlink({ name }: Entry): Promise<void> {
    await rm(this.#path(name), { force: true }).catch((error: unknown) => {
      const fields = { file: name, why: reasonOf(error) };
      this.#log.warn("an alert that was sent cannot be removed and may be sent again", fields);
    });
  }

  /** Others of its channel go first from now on. */
  moveBack(entry: Entry): void {
    const same = this.#entries.find(({ name }) => name === entry.name);
    if (same === undefined) return;
    this.#forget(same);
    this.#entries.push(same);
  }

  /** Drops what waits too long. */
  async expire(): Promise<void> {
    const oldest = this.#now() - longestWait;
    await this.#drop(
      this.#entries.filter(({ at }) => at < oldest),
      "they waited for 7 days",
    );
  }

  async #drop(entries: readonly Entry[], why: string): Promise<void> {
    if (entries.length === 0) return;
    for (const entry of entries) {
      this.#dropped.set(entry.channel, this.droppedOf(entry.channel) + 1);
    }
    const channel = [...new Set(entries.map((entry) => entry.channel))].join(", ");
    this.#log.warn("alerts were dropped", { channel, count: entries.length, why });
    await this.#writeDropped();
    for (const entry of entries) await this.remove(entry);
  }

  /** How many messages for a channel were dropped and not told of. */
  droppedOf(channel: string): number {
    return this.#dropped.get(channel) ?? 0;
  }

  /** They know of so many. */
  async toldDropped(channel: string, count: number): Promise<void> {
    const rest = this.droppedOf(channel) - count;
    if (rest > 0) this.#dropped.set(channel, rest);
    else this.#dropped.delete(channel);
    await this.#writeDropped();
  }

  async #writeDropped(): Promise<void> {
    try {
      const text = JSON.stringify(Object.fromEntries(this.#dropped));
      await writeSafely(this.#path(droppedFile), text);
    } catch (error) {
      this.#full.raise({ why: reasonOf(error) });
    }
  }

  async #readDropped(): Promise<Map<string, number>> {
    const counts = new Map(this.#dropped);
    try {
      const text = await readSafely(this.#path(droppedFile), mostBytes);
      const value: unknown = text === undefined ? {} : JSON.parse(text);
      for (const [channel, count] of isRecord(value) ? Object.entries(value) : []) {
        if (typeof count === "number") counts.set(channel, count + (counts.get(channel) ?? 0));
      }
    } catch (error) {
      this.#log.warn("how many alerts were dropped is not known any more", {
        why: reasonOf(error),
      });
    }
    return counts;
  }

  #forget(entry: Entry): void {
    this.#entries = this.#entries.filter(({ name }) => name !== entry.name);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

const broken = ".broken";
const droppedFile = "dropped.json";

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
