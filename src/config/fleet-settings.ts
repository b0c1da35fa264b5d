// What is configured of the fleet: several programs like this one that share what they know. Stays in the
// primary, since it holds a password.

import type { EtcdServer } from "./source-settings.ts";

export interface FleetSettings {
  /** Where it is shared; the prefix is for nothing else. */
  readonly server: EtcdServer;
  /** Name of this one, which no other has. */
  readonly node: string;
  /** How long it counts as there without a sign of life; whole seconds, ms. */
  readonly ttl: number;
}
