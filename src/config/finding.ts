// What discovery found, for people: each container or VM, what it became, and what was not understood.

import type { GuestPlace } from "./guest.ts";
import type { Dialect } from "./provider-settings.ts";

export interface Finding {
  readonly provider: string;
  /** `docker`, `podman`, `lxc`, `incus`, `lxd`, `libvirt`. */
  readonly platform: string;
  readonly name: string;
  /** Short, as the platform's own tools show it; "" where the name is all there is. */
  readonly id: string;
  readonly project: string | undefined;
  /** `running`, `stopped`, `unhealthy`, …: one word. */
  readonly state: string;
  /** IP addresses, the one in use first. */
  readonly addresses: readonly string[];
  readonly became: readonly FoundRoute[];
  readonly notes: readonly Note[];
  /** Where its files are; left out = nobody can tell. */
  readonly guest?: GuestPlace;
}

export interface FoundRoute {
  /** As in the snapshot. */
  readonly route: string;
  readonly rule: string;
  readonly service: string | undefined;
  /** URL of its own backend there; undefined while there is none. */
  readonly backend: string | undefined;
  /** undefined = the default host. */
  readonly dialect: Dialect | undefined;
}

export interface Note {
  /** `error`: something that was asked for is not there; `warning`: it is there, but not as asked for. */
  readonly severity: "error" | "warning" | "info";
  /** The label, key or line that it is about; "" = the whole. */
  readonly about: string;
  readonly message: string;
  readonly remedy: string | undefined;
}
