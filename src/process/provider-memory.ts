// What providers said last, on disk: a program that starts while a daemon is down routes as it did before. Of
// another version of this program nothing is believed, since its data may look otherwise. It is no JSON, which
// would lose what is `undefined`: an overlay that says "no service" would say nothing of it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { deserialize, serialize } from "node:v8";

import { discovery as limits } from "../config/provider-limits.ts";
import type { Log } from "../lib/log.ts";
import { programVersion } from "../lib/version.ts";
import { StateFiles } from "./state-file.ts";

interface Remembered<Said> {
  readonly version: string;
  readonly source: readonly unknown[];
  readonly said: Said;
}

export interface MemoryOptions {
  readonly log: Log;
  /** Of the folder within the state folder. */
  readonly name: string;
  /** The state folder; undefined = there is none, and nothing outlives the program. */
  folder(): string | undefined;
}

export class ProviderMemory<Said> {
  readonly #options: MemoryOptions;
  readonly #files: StateFiles;
  /** By provider. */
  readonly #unwritten = new Map<string, Remembered<Said>>();
  #writing: NodeJS.Timeout | undefined;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.#files = new StateFiles(options.log);
  }

  /** @param source where the provider looks; what was found elsewhere is not meant */
  recall(provider: string, source: readonly unknown[]): Said | undefined {
    const path = this.#pathOf(provider);
    if (path === undefined) return undefined;
    this.flush();
    try {
      const kept: unknown = deserialize(readFileSync(path));
      return this.#isOurs(kept) && isDeepStrictEqual(kept.source, source) ? kept.said : undefined;
    } catch {
      return undefined; // nothing was kept, or not whole: the provider will say it again
    }
  }

  /** Written a moment later, and not too often: ten thousand routes are many megabytes, and a tenth of a second. */
  keep(provider: string, source: readonly unknown[], said: Said): void {
    this.#unwritten.set(provider, { version: programVersion(), source, said });
    if (this.#writing !== undefined) return;
    const rest = this.#writtenAt + limits.keepEvery - performance.now();
    this.#writing = setTimeout(() => this.flush(), Math.max(limits.keepAfter, rest));
  }

  /** Writes what waits for it. */
  flush(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    for (const [provider, remembered] of this.#unwritten) {
      const path = this.#pathOf(provider);
      if (path !== undefined) this.#files.write(path, serialize(remembered));
    }
    if (this.#unwritten.size > 0) this.#writtenAt = performance.now();
    this.#unwritten.clear();
  }

  #pathOf(provider: string): string | undefined {
    const folder = this.#options.folder();
    if (folder === undefined) return undefined;
    return join(folder, this.#options.name, provider);
  }

  #isOurs(value: unknown): value is Remembered<Said> {
    if (typeof value !== "object" || value === null) return false;
    return Reflect.get(value, "version") === programVersion() && "said" in value;
  }
}
