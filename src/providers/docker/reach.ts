// Which of a container's addresses can be reached from here. Addresses of bridges repeat from machine to
// machine (172.17.0.2 is somewhere on each), so those of another machine are never tried: they would lead to
// a stranger here.

import { hostname } from "node:os";
import type { DockerSettings } from "../../config/provider-settings.ts";
import { isRecord, listAt, textAt } from "../../lib/json.ts";
import type { Container, Endpoint } from "./container.ts";
import { EngineError } from "./engine-error.ts";
import type { Engine } from "./engine.ts";
import type { OwnPlace } from "./own-place.ts";

/** The machine of the daemon. */
export interface Machine {
  /** "" = it did not say. */
  readonly hostName: string;
  /** Its containers are in a network of their own, which nobody else is in. */
  readonly isRootless: boolean;
}

export interface Reach {
  canReach(ip: string, network: string): boolean;
  /** Where ports of the daemon's machine are reached; undefined = nowhere. */
  readonly host: string | undefined;
  /** Whether its loopback is ours, too. */
  readonly isOwnHost: boolean;
}

export interface ReachOptions {
  readonly settings: DockerSettings;
  readonly machine: Machine;
  readonly place: OwnPlace;
  readonly containers: ReadonlyMap<string, Container>;
  /** By name of the network. */
  readonly drivers: ReadonlyMap<string, string>;
}

export function reachOf(options: ReachOptions): Reach {
  const { settings, machine, place, containers, drivers } = options;
  const { endpoint, publishedHost } = settings;
  const self = containers.get(place.containerId ?? "");
  const isInside = place.containerId !== undefined && self?.networkMode !== "host";
  const isHere = endpoint.kind === "unix" || self !== undefined || machine.hostName === hostname();
  const ownHost = isInside ? place.gateway : "127.0.0.1";
  const otherHost = endpoint.kind === "tcp" ? endpoint.host : undefined;
  return {
    canReach(ip, network) {
      // Somebody who says so has a way there.
      if (network === settings.network) return true;
      if (machine.isRootless) return false;
      const isShared = isHere || spanning.has(drivers.get(network) ?? "");
      return isShared && place.networks.has(ip);
    },
    host: publishedHost ?? (isHere ? ownHost : otherHost),
    isOwnHost: isHere && !isInside,
  };
}

/** Their networks are the same ones on several machines. */
const spanning = new Set(["overlay", "macvlan", "ipvlan"]);

/** The best first: the configured network, those that somebody made, the default one. */
export function orderOf(
  endpoints: readonly Endpoint[],
  { settings, drivers }: Pick<ReachOptions, "settings" | "drivers">,
): Endpoint[] {
  const rank = ({ network }: Endpoint): number => {
    if (network === settings.network) return 0;
    // The machine itself is cut off from such a guest, whatever its addresses say.
    const driver = drivers.get(network);
    if (driver === "macvlan" || driver === "ipvlan") return 3;
    return network === "bridge" || network === "podman" ? 2 : 1;
  };
  return endpoints.toSorted((a, b) => rank(a) - rank(b) || (a.network < b.network ? -1 : 1));
}

/** What a daemon does not tell, or is not allowed to, counts as nothing special. */
export async function machineOf(engine: Engine, signal: AbortSignal): Promise<Machine> {
  const info = await optional(engine, "/info", signal);
  const isRootless = listAt(info, "SecurityOptions").some(
    (each) => typeof each === "string" && each.split(",").includes("name=rootless"),
  );
  return { hostName: textAt(info, "Name"), isRootless };
}

export async function driversOf(
  engine: Engine,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const networks = await optional(engine, "/networks", signal);
  const list: readonly unknown[] = Array.isArray(networks) ? networks : [];
  return new Map(
    list
      .filter((each) => isRecord(each))
      .map((each) => [textAt(each, "Name"), textAt(each, "Driver")]),
  );
}

async function optional(engine: Engine, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await engine.read(path, { signal });
  } catch (error) {
    if (error instanceof EngineError && error.kind === "rubbish") return undefined;
    throw error;
  }
}
