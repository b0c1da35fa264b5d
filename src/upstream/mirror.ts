// A service whose exchanges are copied to others. Where an exchange goes is the main service's affair.

import type { MirrorService } from "../config/service.ts";
import type { Copy, Destination } from "./destination.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { LiveService } from "./live-service.ts";
import { maintenanceBy } from "./maintenance.ts";
import type { Asker } from "./pooled.ts";
import type { StateBook } from "./state-book.ts";

export interface MirrorOptions {
  readonly states: StateBook;
  destinationOf(service: string): Destination;
}

export class Mirror implements Destination {
  readonly name: string;
  readonly #copies: readonly Copy[];
  readonly #settings: MirrorService;
  readonly #states: StateBook;
  readonly #main: Destination;

  constructor(settings: MirrorService, { states, destinationOf }: MirrorOptions) {
    const { name, service, copies, maxBody } = settings;
    this.name = name;
    this.#settings = settings;
    this.#states = states;
    this.#main = destinationOf(service);
    this.#copies = copies.map(({ service: to, percent }) => {
      return { destination: destinationOf(to), percent, maxBody };
    });
  }

  get isUp(): boolean {
    return this.#main.isUp;
  }

  get maintenance() {
    const own = this.#settings.maintenance ?? maintenanceBy(this.#states, this.name);
    return own ?? this.#main.maintenance;
  }

  isOpenTo(asker: Asker): boolean {
    return this.#main.isOpenTo(asker);
  }

  choose(asker: Asker): LiveService {
    return this.#main.choose(asker);
  }

  instead(asker: Asker, asked: readonly LiveService[]): LiveService | undefined {
    return this.#main.instead(asker, asked);
  }

  contains(service: LiveService): boolean {
    return this.#main.contains(service);
  }

  copiesOf(service: LiveService, asker: Asker): readonly Copy[] {
    return [...this.#copies, ...(this.#main.copiesOf(service, asker) ?? [])];
  }

  after(service: LiveService, status: number, asker: Asker): LiveService | undefined {
    return this.#main.after(service, status, asker);
  }

  sessionLine(
    asker: Asker,
    service: LiveService,
    backend: LiveBackend | undefined,
    isSecure: boolean,
  ): string {
    return this.#main.sessionLine(asker, service, backend, isSecure);
  }
}
