// The state folder of the running program, made only when something has to outlive it, and before the rights
// to make it are given up. Without one the program serves all the same, and forgets more.

import { randomBytes } from "node:crypto";

import type { Catalog } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { secretIn, stateFolderOf } from "../lib/state-folder.ts";
import { stateFolderFor } from "./bequest.ts";
import { type Account, acting } from "./privileges.ts";

export class StateKeeper {
  readonly #log: Log;
  #folder: string | undefined;
  #secret: string | undefined;
  #isRefused = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** While we may still make it for whom we are about to become. */
  prepare(configured: string | undefined, account: Account): void {
    this.#folderFor(heirOf(account), configured);
  }

  /** undefined = there is none to be had; the log says why, once. The one chosen first is kept. */
  folder(configured: string | undefined): string | undefined {
    return this.#folderFor(undefined, configured);
  }

  #folderFor(heir: Account | undefined, configured: string | undefined): string | undefined {
    if (this.#isRefused) return this.#folder;
    this.#orWarn(() => {
      this.#folder ??=
        heir === undefined ? stateFolderOf(configured) : stateFolderFor(heir, configured);
    });
    return this.#folder;
  }

  /**
   * What cookies of this catalog are made with; "" when there are none.
   * @param account whom we are about to become; undefined = nobody else
   */
  secretFor({ services, stateFolder }: Catalog, account: Account | undefined): string {
    const isNeeded = Object.values(services).some(
      (each) => "sticky" in each && each.sticky?.kind === "cookie",
    );
    if (!isNeeded) return this.#secret ?? "";
    const heir = heirOf(account);
    const folder = this.#folderFor(heir, stateFolder);
    if (folder !== undefined) {
      const read = () => secretIn(folder);
      this.#orWarn(() => (this.#secret ??= heir === undefined ? read() : acting(heir, read)));
    }
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
        "without a state folder: sessions by cookie, alerts not yet sent and what was found do not outlive the program",
        { cause },
      );
    }
  }
}

/** undefined = we are what we will be, or root under another group: that may do all the same. */
function heirOf(account: Account | undefined): Account | undefined {
  return process.getuid?.() === 0 && account?.uid !== 0 ? account : undefined;
}
