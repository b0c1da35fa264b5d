// A service that answers with files of a folder. There are no backends: the proxy answers (src/proxy/served-files.ts), and goes
// to `scripts` or `fallback` with what is not its own. As a part of another service, or for streams, it leads nowhere.

import type { FilesService } from "../config/files.ts";
import type { Premises } from "../guest/finding.ts";
import { Backendless } from "./backendless.ts";
import type { Destination } from "./destination.ts";
import type { ServiceOptions } from "./live-service.ts";

export interface ServedOptions extends ServiceOptions {
  destinationOf(service: string): Destination;
}

export class Served extends Backendless {
  readonly isUp = true;
  readonly settings: FilesService;
  /** Who answers paths of programs; undefined = there are none. */
  readonly scripts: Destination | undefined;
  /** Where what is not there is asked for; undefined = nowhere. */
  readonly fallback: Destination | undefined;
  readonly #options: ServedOptions;

  constructor(settings: FilesService, options: ServedOptions) {
    super(settings, options);
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
}
