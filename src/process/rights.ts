// Whom a program that starts as root becomes, and what it makes ready for them while it still may.

import { accessSync, constants } from "node:fs";

import { prepareFolder } from "../admin/control-path.ts";
import type { Catalog } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { type Account, accountOf, become } from "./privileges.ts";
import type { ProgramSettings } from "./program-settings.ts";
import type { StateKeeper } from "./state-keeper.ts";

export interface RightsOptions {
  readonly settings: ProgramSettings;
  readonly log: Log;
  readonly state: StateKeeper;
}

export class Rights {
  readonly #options: RightsOptions;
  #areSettled = false;

  constructor(options: RightsOptions) {
    this.#options = options;
  }

  /** Whom we will become; undefined = nobody else, or we are already who we stay. */
  heir({ runAs }: Catalog): Account | undefined {
    if (this.#areSettled) return undefined;
    const { user = runAs.user, group = runAs.group } = this.#options.settings;
    return accountOf({ user, group });
  }

  /** The folder of the control socket is made first: whom we become may not be able to. */
  settle(catalog: Catalog, controlPath: string): void {
    const heir = this.heir(catalog);
    prepareFolder(controlPath, heir);
    this.#areSettled = true;
    if (heir === undefined) return;
    this.#options.state.prepare(catalog.stateFolder, heir);
    become(heir);
    this.#warnIfUnreadable();
  }

  /** Root could read it at the start; a reload will not. */
  #warnIfUnreadable(): void {
    const { config } = this.#options.settings;
    if (config === undefined) return;
    try {
      accessSync(config, constants.R_OK);
    } catch {
      const user = process.getuid?.();
      this.#options.log.warn(
        "the configuration cannot be read by the user we run as: no reload will work",
        { config, user },
      );
    }
  }
}
