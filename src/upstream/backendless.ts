// A destination that has no backends of its own: the proxy finds out where a request goes before one is wanted. As a part of
// another service, or for streams, it leads nowhere.

import { emptyService } from "../config/empty-service.ts";
import type { Service } from "../config/service.ts";
import type { Destination } from "./destination.ts";
import { LiveService, type ServiceOptions } from "./live-service.ts";
import { maintenanceBy } from "./maintenance.ts";

type Settings = Pick<Service, "name" | "origin" | "maintenance">;

export abstract class Backendless implements Destination {
  readonly name: string;
  abstract readonly isUp: boolean;
  readonly #of: Settings;
  readonly #options: ServiceOptions;
  #nobody: LiveService | undefined;

  constructor(settings: Settings, options: ServiceOptions) {
    this.name = settings.name;
    this.#of = settings;
    this.#options = options;
  }

  get maintenance() {
    return this.#of.maintenance ?? maintenanceBy(this.#options.states, this.name);
  }

  choose(): LiveService {
    const { name, origin } = this.#of;
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
