// Who holds which host name, on disk: a new start must not give it to somebody who was refused it before. Kept
// of all versions of this program.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Log } from "../lib/log.ts";
import type { Holders } from "../routing/ownership.ts";
import { StateFiles } from "./state-file.ts";

export class HolderMemory {
  readonly #files: StateFiles;
  /** undefined = there is no state folder: nothing outlives the program. */
  readonly #folder: () => string | undefined;

  constructor(log: Log, folder: () => string | undefined) {
    this.#files = new StateFiles(log);
    this.#folder = folder;
  }

  recall(): Holders {
    const path = this.#path;
    if (path === undefined) return new Map();
    try {
      const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
      return new Map(Array.isArray(kept) ? kept.filter(isHolder) : []);
    } catch {
      return new Map(); // nothing was kept, or not whole
    }
  }

  keep(holders: Holders): void {
    const path = this.#path;
    if (path !== undefined) this.#files.write(path, JSON.stringify([...holders]));
  }

  get #path(): string | undefined {
    const folder = this.#folder();
    // Beside the folders of the providers, who may have any name.
    return folder === undefined ? undefined : join(folder, "host-names.json");
  }
}

function isHolder(value: unknown): value is [name: string, tenant: string] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "string")
  );
}
