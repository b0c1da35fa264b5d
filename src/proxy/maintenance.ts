// Who is served while a service is being worked on.

import type { Maintenance } from "../config/snapshot.ts";
import { NetworkSet } from "../lib/ip.ts";

/** Networks of a maintenance, read once for each. */
const allowed = new WeakMap<Maintenance, NetworkSet>();

export function isKeptOut(maintenance: Maintenance, clientIp: string): boolean {
  const networks = allowed.get(maintenance) ?? NetworkSet.of(maintenance.allow);
  allowed.set(maintenance, networks);
  return !networks.has(clientIp);
}
