// The state folder of the running program, made only when something has to outlive it, and before the rights
// to make it are given up. Without one the program serves all the same, and forgets more.

import { randomBytes } from "node:crypto";
import { chownSync } from "node:fs";

import type { Catalog } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { secretIn, stateFolderOf } from "../lib/state-folder.ts";
import type { Account } from "./privileges.ts";

export class StateKeeper {
  readonly #log: Log;
  #folder: string | undefined;
  #secret: string | undefined;
  #isRefused = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** While we may still make it for whom we are about to become. */
  prepare(configured: string | undefined, { uid, gid }: Account): void {
    const folder = this.folder(configured);
    if (folder === undefined || process.getuid?.() !== 0) return;
    this.#orWarn(() => chownSync(folder, uid, gid));
  }

  /** undefined = there is none to be had; the log says why, once. The one chosen first is kept. */
  folder(configured: string | undefined): string | undefined {
    if (!this.#isRefused) this.#orWarn(() => (this.#folder ??= stateFolderOf(configured)));
    return this.#folder;
  }

  /** What cookies of this catalog are made with; "" when there are none. */
  secretFor({ services, stateFolder }: Catalog): string {
    const isNeeded = Object.values(services).some(
      (each) => "sticky" in each && each.sticky?.kind === "cookie",
    );
    if (!isNeeded) return this.#secret ?? "";
    const folder = this.folder(stateFolder);
    if (folder !== undefined) this.#orWarn(() => (this.#secret ??= secretIn(folder)));
    this.#secret ??= randomBytes(32).toString("hex");
    return this.#secret;
  }

  #orWarn(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isRefused = true;
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn(
        "without a state folder: sessions by cookie and alerts not yet sent do not outlive the program",
        { cause },
      );
    }
  }
}
