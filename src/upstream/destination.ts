// Where a route leads: to backends, or to one of several services, chosen when an exchange begins.

import type { Maintenance } from "../config/service.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { LiveService } from "./live-service.ts";
import type { Asker } from "./pooled.ts";

export interface Destination {
  /** Of the service the route names. */
  readonly name: string;
  /** Some backend is as it should be. */
  readonly isUp: boolean;
  /** Set while it is being worked on. */
  readonly maintenance: Maintenance | undefined;
  /** Up, not cut off by its circuit breaker, and not in maintenance for this one. */
  isOpenTo(asker: Asker): boolean;
  /** The backends to use. */
  choose(asker: Asker): LiveService;
  /** Others that are open, when these did not do; undefined = there are none. */
  instead(asker: Asker, asked: readonly LiveService[]): LiveService | undefined;
  contains(service: LiveService): boolean;
  /** Where copies of exchanges with this service go; null = nowhere. */
  copiesOf(service: LiveService, asker: Asker): readonly Copy[] | null;
  /** Where to go when this service answered with such a status; undefined = the answer stands. */
  after(service: LiveService, status: number, asker: Asker): LiveService | undefined;
  /** Lines for the head of an answer that keep the client where it is, each with its CR LF; "" = none. */
  sessionLine(
    asker: Asker,
    service: LiveService,
    backend: LiveBackend | undefined,
    isSecure: boolean,
  ): string;
}

export interface Copy {
  readonly destination: Destination;
  /** Of a hundred exchanges. */
  readonly percent: number;
  /** Exchanges with a longer body are not copied, bytes. */
  readonly maxBody: number;
}

/** Of the first of these that leads to somebody who is open and was not asked yet. */
export function insteadAmong(
  destinations: readonly Destination[],
  asker: Asker,
  asked: readonly LiveService[],
): LiveService | undefined {
  for (const each of destinations) {
    const service = each.isOpenTo(asker) ? each.instead(asker, asked) : undefined;
    if (service !== undefined) return service;
  }
  return undefined;
}
