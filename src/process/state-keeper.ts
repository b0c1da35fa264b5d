// The state folder of the running program, made only when something has to outlive it, and before the rights
// to make it are given up. Without one the program serves all the same, and forgets more.

import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";

import { isCachedOnDisk } from "../config/cached-on-disk.ts";
import { needsSecret } from "../config/secret-users.ts";
import type { Catalog } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import {
  keepSharedSecret,
  secretIn,
  sharedSecretIn,
  stateFolderOf,
  statePlace,
} from "../lib/state-folder.ts";
import { stateFolderFor } from "./bequest.ts";
import { type Account, acting } from "./privileges.ts";

export class StateKeeper {
  readonly #log: Log;
  #folder: string | undefined;
  /** Of this host. */
  #secret: string | undefined;
  /** Of the fleet. */
  #shared: string | undefined;
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

  /** Has something done there, as whom we are about to become. @param work gets undefined without a folder */
  within<T>(
    configured: string | undefined,
    account: Account | undefined,
    work: (folder: string | undefined) => T,
  ): T {
    const heir = heirOf(account);
    const folder = this.#folderFor(heir, configured);
    if (heir === undefined || folder === undefined) return work(folder);
    return acting(heir, () => work(folder));
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
   * What cookies of this catalog are made with, and behind it what they were made with before; "" when there
   * are none. Once a fleet shared its own, both are believed.
   * @param account whom we are about to become; undefined = nobody else
   */
  secretFor(catalog: Catalog, account: Account | undefined): string {
    const { stateFolder, fleet } = catalog;
    const isNeeded = needsSecret(catalog);
    if (!isNeeded && this.#secret === undefined) return "";
    const heir = heirOf(account);
    const isRead = this.#secret !== undefined;
    const folder = isRead ? undefined : this.#folderFor(heir, stateFolder);
    if (folder !== undefined) {
      const read = () => {
        this.#secret ??= secretIn(folder);
        this.#shared ??= sharedSecretIn(folder);
      };
      this.#orWarn(() => (heir === undefined ? read() : acting(heir, read)));
    }
    this.#secret ??= randomBytes(32).toString("hex");
    const all = fleet === undefined ? [this.#secret, this.#shared] : [this.#shared, this.#secret];
    return [...new Set(all.filter((each) => each !== undefined))].join(" ");
  }

  /**
   * Where caches keep what they have on disk, or what they had there before; undefined = nowhere.
   * @param account as of `secretFor`
   */
  cacheFolderFor(catalog: Catalog, account: Account | undefined): string | undefined {
    const folder = isCachedOnDisk(catalog)
      ? this.#folderFor(heirOf(account), catalog.stateFolder)
      : (this.#folder ?? resolve(statePlace(catalog.stateFolder)));
    return folder === undefined ? undefined : join(folder, "cache");
  }

  /** For a fleet that has none yet; undefined = nothing is made with one here. */
  get offered(): string | undefined {
    return this.#secret === undefined ? undefined : (this.#shared ?? this.#secret);
  }

  /** Cookies are made with the one of the fleet from now on. @returns whether that is another one */
  share(secret: string, configured: string | undefined): boolean {
    if (this.#secret === undefined || secret === this.#shared) return false;
    const isNews = secret !== this.offered;
    this.#shared = secret;
    const folder = this.folder(configured);
    if (folder !== undefined) this.#orWarn(() => keepSharedSecret(folder, secret));
    return isNews;
  }

  #orWarn(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#isRefused = true;
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.warn(
        "without a state folder nothing can be changed while it runs; and sessions by cookie, alerts not yet sent and what was found do not outlive the program",
        { cause },
      );
    }
  }
}

/** undefined = we are what we will be, or root under another group: that may do all the same. */
function heirOf(account: Account | undefined): Account | undefined {
  return process.getuid?.() === 0 && account?.uid !== 0 ? account : undefined;
}
