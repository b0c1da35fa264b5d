// Whether a service is being worked on: as the configuration says, or an operator just now.

import { defaultMaintenance } from "../config/limits.ts";
import type { Maintenance } from "../config/service.ts";
import { NetworkSet } from "../lib/ip.ts";
import type { StateBook } from "./state-book.ts";

export function maintenanceBy(states: StateBook, service: string): Maintenance | undefined {
  // As asked for by `tidegate maintenance`: nobody is served, and the built-in page says so.
  return states.service(service)?.isInMaintenance === true ? defaultMaintenance : undefined;
}

/** Networks of a maintenance, read once for each. */
const allowed = new WeakMap<Maintenance, NetworkSet>();

/** Whether this client is not among those who are served all the same. */
export function isKeptOut(maintenance: Maintenance, clientIp: string): boolean {
  const networks = allowed.get(maintenance) ?? NetworkSet.of(maintenance.allow);
  allowed.set(maintenance, networks);
  return !networks.has(clientIp);
}
