// Configurations of all containers, each read again only when its file, or one that it includes, is another
// one than before. Programs write files in steps: while one is being written, what it said before counts.

import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { lxcConfig, lxcDiscovery } from "../../config/provider-limits.ts";
import { entriesOf } from "./entries.ts";
import { whyUnreadable } from "./folder-list.ts";
import { type ConfigSource, type LxcConfig, readLxcConfig } from "./lxc-config.ts";

/** Tells two states of a file apart. */
interface Stamp {
  readonly text: string;
  /** Milliseconds since 1970; 0 = it is not there. */
  readonly writtenAt: number;
}

interface Entry {
  readonly config: LxcConfig;
  /** Of all files that were read for it, or should have been. */
  readonly stamps: ReadonlyMap<string, string>;
  /** Monotonic clock: since when it is another one, and not read yet. */
  changedAt: number | undefined;
}

export interface ConfigBookOptions {
  /** Something is to be read again in so many milliseconds. */
  again(ms: number): void;
}

export class ConfigBook {
  readonly #options: ConfigBookOptions;
  #known = new Map<string, Entry>();
  #kept = new Map<string, Entry>();
  /** Of this listing: what many include is looked at once. */
  #stamps = new Map<string, Promise<Stamp>>();

  constructor(options: ConfigBookOptions) {
    this.#options = options;
  }

  /** Another listing: whoever is not asked for in it is forgotten. */
  begin(): void {
    this.#known = this.#kept;
    this.#kept = new Map();
    this.#stamps = new Map();
  }

  /** undefined = the file is not there. */
  async of(path: string): Promise<LxcConfig | undefined> {
    const known = this.#known.get(path);
    if (known !== undefined && !(await this.#isToRead(known))) {
      this.#kept.set(path, known);
      return known.config;
    }
    const stamps = new Map<string, string>();
    const config = await readLxcConfig(path, async (file) => {
      // Before it is read: what changes meanwhile is read once more.
      stamps.set(file, (await this.#stampOf(file)).text);
      return sourceAt(file);
    });
    if (stamps.get(path) === notThere) return undefined;
    this.#kept.set(path, { config, stamps, changedAt: undefined });
    return config;
  }

  async #isToRead(entry: Entry): Promise<boolean> {
    let writtenAt: number | undefined;
    for (const [file, before] of entry.stamps) {
      const stamp = await this.#stampOf(file);
      if (stamp.text !== before) writtenAt = Math.max(writtenAt ?? 0, stamp.writtenAt);
    }
    if (writtenAt === undefined) {
      entry.changedAt = undefined;
      return false;
    }
    const now = performance.now();
    entry.changedAt ??= now;
    // Some take a file away before they write it anew.
    const age = writtenAt === 0 ? now - entry.changedAt : Date.now() - writtenAt;
    // A time to come is a clock that was put back.
    const isSettled = age < 0 || age >= lxcDiscovery.settle;
    if (isSettled || now - entry.changedAt >= lxcDiscovery.settleAtMost) return true;
    this.#options.again(lxcDiscovery.settle - age);
    return false;
  }

  #stampOf(file: string): Promise<Stamp> {
    const known = this.#stamps.get(file);
    if (known !== undefined) return known;
    const stamp = stat(file).then(
      (status) => ({
        text: `${status.ino} ${status.size} ${status.mtimeMs} ${status.ctimeMs}`,
        writtenAt: status.mtimeMs,
      }),
      (error: unknown) => ({ text: `- ${whyUnreadable(error)}`, writtenAt: 0 }),
    );
    this.#stamps.set(file, stamp);
    return stamp;
  }
}

const notThere = `- ${whyUnreadable(Object.assign(new Error(), { code: "ENOENT" }))}`;

async function sourceAt(path: string): Promise<ConfigSource> {
  try {
    const before = await stat(path);
    if (before.isDirectory()) {
      const entries = await entriesOf(path, ({ name }) => name.endsWith(".conf"));
      const names = entries.map(({ name }) => name).toSorted();
      return { kind: "folder", files: names.map((name) => join(path, name)) };
    }
    // Opening a device may do things: a watchdog restarts the machine.
    if (!before.isFile()) return { kind: "unreadable", why: "it is no file" };
    // A pipe without a writer must not keep us, should there be one now.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) return { kind: "unreadable", why: "it is no file" };
    if (status.size > lxcConfig.bytes) {
      return { kind: "unreadable", why: `it has more than ${lxcConfig.bytes / 1024} KiB` };
    }
    const { buffer, bytesRead } = await file.read(Buffer.alloc(status.size), 0, status.size, 0);
    return { kind: "text", text: buffer.toString("utf8", 0, bytesRead) };
  } catch (error) {
    return { kind: "unreadable", why: whyUnreadable(error) };
  }
}
