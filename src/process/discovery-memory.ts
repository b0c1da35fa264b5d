// What providers said last, on disk: a program that starts while a daemon is down routes as it did before. Of
// another version of this program nothing is believed, since its data may look otherwise. Who holds which host
// name is kept of all versions: a new start must not give it to somebody who was refused it before.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import type { Discovery } from "../config/discovery.ts";
import type { Log } from "../lib/log.ts";
import { programVersion } from "../lib/version.ts";
import type { Holders } from "../routing/ownership.ts";

interface Remembered {
  readonly version: string;
  readonly source: readonly unknown[];
  readonly discovery: Discovery;
}

export class DiscoveryMemory {
  readonly #log: Log;
  /** undefined = there is no state folder: nothing outlives the program. */
  readonly #folder: () => string | undefined;
  /** Files that could not be written the last time. */
  readonly #broken = new Set<string>();

  constructor(log: Log, folder: () => string | undefined) {
    this.#log = log;
    this.#folder = folder;
  }

  /** @param source where the provider looks; what was found elsewhere is not meant */
  recall(provider: string, source: readonly unknown[]): Discovery | undefined {
    const path = this.#pathOf(provider);
    if (path === undefined) return undefined;
    try {
      const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
      return isRemembered(kept) && isDeepStrictEqual(kept.source, source)
        ? kept.discovery
        : undefined;
    } catch {
      return undefined; // nothing was kept, or not whole: the provider will say it again
    }
  }

  keep(provider: string, source: readonly unknown[], discovery: Discovery): void {
    const path = this.#pathOf(provider);
    if (path === undefined) return;
    const remembered: Remembered = { version: programVersion(), source, discovery };
    this.#write(path, remembered);
  }

  recallHolders(): Holders {
    const path = this.#holdersPath;
    if (path === undefined) return new Map();
    try {
      const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
      return new Map(Array.isArray(kept) ? kept.filter(isHolder) : []);
    } catch {
      return new Map(); // as above
    }
  }

  keepHolders(holders: Holders): void {
    const path = this.#holdersPath;
    if (path !== undefined) this.#write(path, [...holders]);
  }

  #write(path: string, value: unknown): void {
    const next = `${path}.${randomBytes(4).toString("hex")}`;
    try {
      mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
      writeFileSync(next, JSON.stringify(value), { mode: 0o600 });
      renameSync(next, path);
      this.#broken.delete(path);
    } catch (error) {
      rmSync(next, { force: true });
      if (this.#broken.has(path)) return;
      this.#broken.add(path);
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn("what was found cannot be kept for the next start", { cause });
    }
  }

  get #holdersPath(): string | undefined {
    const folder = this.#folder();
    // Beside the folder of the providers, who may have any name.
    return folder === undefined ? undefined : join(folder, "host-names.json");
  }

  #pathOf(provider: string): string | undefined {
    const folder = this.#folder();
    return folder === undefined ? undefined : join(folder, "found", `${provider}.json`);
  }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== "object" || value === null) return false;
  return Reflect.get(value, "version") === programVersion() && "discovery" in value;
}

function isHolder(value: unknown): value is [name: string, tenant: string] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "string")
  );
}
