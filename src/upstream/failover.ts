// A service made of others in order: the first that has a backend up, and after certain statuses the next.

import type { FailoverService } from "../config/service.ts";
import { type Copy, type Destination, insteadAmong } from "./destination.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { LiveService } from "./live-service.ts";
import { maintenanceBy } from "./maintenance.ts";
import type { Asker } from "./pooled.ts";
import type { StateBook } from "./state-book.ts";
import { isStatusIn } from "./status-ranges.ts";

export interface FailoverOptions {
  readonly states: StateBook;
  destinationOf(service: string): Destination;
}

export class Failover implements Destination {
  readonly name: string;
  readonly #settings: FailoverService;
  readonly #states: StateBook;
  readonly #destinations: readonly Destination[];

  constructor(settings: FailoverService, { states, destinationOf }: FailoverOptions) {
    this.name = settings.name;
    this.#settings = settings;
    this.#states = states;
    this.#destinations = settings.services.map(destinationOf);
  }

  get isUp(): boolean {
    return this.#destinations.some((each) => each.isUp);
  }

  get maintenance() {
    return this.#settings.maintenance ?? maintenanceBy(this.#states, this.name);
  }

  isOpenTo(asker: Asker): boolean {
    return this.#destinations.some((each) => each.isOpenTo(asker));
  }

  choose(asker: Asker): LiveService {
    const all = this.#destinations;
    const first = all.find((each) => each.isOpenTo(asker)) ?? all.find((each) => each.isUp);
    return (first ?? all[0]!).choose(asker);
  }

  instead(asker: Asker, asked: readonly LiveService[]): LiveService | undefined {
    return insteadAmong(this.#destinations, asker, asked);
  }

  contains(service: LiveService): boolean {
    return this.#destinationOf(service) !== undefined;
  }

  copiesOf(service: LiveService, asker: Asker): readonly Copy[] | null {
    return this.#destinationOf(service)?.copiesOf(service, asker) ?? null;
  }

  #destinationOf(service: LiveService): Destination | undefined {
    return this.#destinations.find((each) => each.contains(service));
  }

  after(service: LiveService, status: number, asker: Asker): LiveService | undefined {
    const at = this.#destinations.findIndex((each) => each.contains(service));
    const within = this.#destinations[at]?.after(service, status, asker);
    if (within !== undefined || !isStatusIn(this.#settings.statuses, status)) return within;
    return insteadAmong(this.#destinations.slice(at + 1), asker, [service]);
  }

  sessionLine(
    asker: Asker,
    service: LiveService,
    backend: LiveBackend | undefined,
    isSecure: boolean,
  ): string {
    const own = this.#destinationOf(service);
    return own?.sessionLine(asker, service, backend, isSecure) ?? "";
  }
}
