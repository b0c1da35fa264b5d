// A service that answers with files of a folder. There are no backends: the proxy answers (src/proxy/served-files.ts), and goes
// to `scripts` or `fallback` with what is not its own. As a part of another service, or for streams, it leads nowhere.

import { emptyService } from "../config/empty-service.ts";
import type { FilesService } from "../config/files.ts";
import type { Premises } from "../guest/finding.ts";
import type { Destination } from "./destination.ts";
import { LiveService, type ServiceOptions } from "./live-service.ts";
import { maintenanceBy } from "./maintenance.ts";

export interface ServedOptions extends ServiceOptions {
  destinationOf(service: string): Destination;
}

export class Served implements Destination {
  readonly name: string;
  readonly isUp = true;
  readonly settings: FilesService;
  /** Who answers paths of programs; undefined = there are none. */
  readonly scripts: Destination | undefined;
  /** Where what is not there is asked for; undefined = nowhere. */
  readonly fallback: Destination | undefined;
  readonly #options: ServedOptions;
  #nobody: LiveService | undefined;

  constructor(settings: FilesService, options: ServedOptions) {
    this.name = settings.name;
    this.settings = settings;
    this.#options = options;
    const last = settings.try.at(-1);
    this.scripts =
      settings.scripts === undefined ? undefined : options.destinationOf(settings.scripts.service);
    this.fallback = last?.kind === "service" ? options.destinationOf(last.service) : undefined;
  }

  /** Whose files they are. The same object for as long as the process runs. */
  get premises(): Premises {
    return this.#options.guests.of(this.settings.guest);
  }

  get maintenance() {
    return this.settings.maintenance ?? maintenanceBy(this.#options.states, this.name);
  }

  // --- where somebody wants a backend --------------------------------------------------------------

  choose(): LiveService {
    const { name, origin } = this.settings;
    this.#nobody ??= new LiveService(emptyService(name, origin), this.#options);
    return this.#nobody;
  }

  isOpenTo(): boolean {
    return false;
  }

  instead(): undefined {}

  contains(service: LiveService): boolean {
    return service === this.#nobody;
  }

  copiesOf(): null {
    return null;
  }

  after(): undefined {}

  sessionLine(): string {
    return "";
  }
}
