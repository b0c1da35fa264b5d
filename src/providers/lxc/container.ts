// A container of LXC as a workload: what its folder, its configuration and its life say of it.

import { lxcDiscovery } from "../../config/provider-limits.ts";
import type { OwnNetworks } from "../own-networks.ts";
import type { Workload, WorkloadAddress } from "../workload.ts";
import { reachableOf, seenOf } from "./addresses.ts";
import type { ContainerFolder } from "./folder-list.ts";
import type { Life } from "./life.ts";
import { placeOf } from "./container-place.ts";
import { type LxcConfig, sharesNetworkOfHost } from "./lxc-config.ts";

export interface Container {
  /** Of its workload. */
  readonly id: string;
  readonly folder: ContainerFolder;
  readonly config: LxcConfig;
  /** undefined = it does not run. */
  readonly life: Life | undefined;
}

export function workloadOf(container: Container, networks: OwnNetworks): Workload {
  const { id, folder, config, life } = container;
  const addresses = addressesOf(container, networks);
  const state = life?.state ?? "stopped";
  // It is about to have an address: DHCP takes a moment.
  const isWaiting =
    state === "running" &&
    addresses.length === 0 &&
    life?.seen !== undefined &&
    life.age < lxcDiscovery.addressWithin;
  const trouble = troubleOf(container, networks);
  return {
    platform: "lxc",
    id,
    name: folder.name,
    project: undefined,
    role: undefined,
    hostName: config.hostName,
    state: isWaiting && trouble === noAddressYet ? "starting" : state,
    health: "none",
    createdAt: folder.createdAt,
    addresses,
    exposed: [],
    published: [],
    labels: config.labels,
    env: {},
    trouble: state === "running" && addresses.length === 0 ? trouble : undefined,
    guest: placeOf(container),
  };
}

/** Those at which it is reached now. */
export function addressesOf(
  { config: { nics }, life }: Container,
  networks: OwnNetworks,
): readonly WorkloadAddress[] {
  if (life === undefined || life.state === "starting" || sharesNetworkOfHost(nics)) return [];
  return reachableOf({ nics, seen: life.seen, networks });
}

const noAddressYet = "it has no address: look at its DHCP client, or write lxc.net.0.ipv4.address";

function troubleOf({ config: { nics }, life }: Container, networks: OwnNetworks): string {
  if (sharesNetworkOfHost(nics)) {
    return "it has the network of the machine itself: route to its port with a service of the configuration file";
  }
  if (life?.seen === undefined) {
    const why = life?.why ?? "its first process is not known";
    return `its addresses cannot be seen (${why}), and its configuration says none: run Tidegate as a user who may ask LXC, or write lxc.net.0.ipv4.address`;
  }
  const seen = seenOf(life.seen, networks);
  if (seen.length > 0)
    return `its addresses (${seen.join(", ")}) are on no network of this machine`;
  if (nics.every(({ type }) => type === "" || type === "empty")) return "it has no network";
  return noAddressYet;
}
