// Networks of this machine: a guest is reached on those that we are in. What address a guest has is said by
// its own root, who might name somebody else's: so it has to fit the bridge that the guest hangs on.

import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import { NetworkSet, plainAddress } from "../lib/ip.ts";

type Interfaces = NodeJS.Dict<readonly Pick<NetworkInterfaceInfo, "address" | "cidr">[]>;

export class OwnNetworks {
  readonly #all: NetworkSet;
  readonly #byInterface: ReadonlyMap<string, NetworkSet>;
  readonly #addresses: ReadonlySet<string>;

  constructor(interfaces: Interfaces) {
    const named = Object.entries(interfaces).map(([name, infos = []]) => ({ name, infos }));
    this.#byInterface = new Map(
      named.flatMap(({ name, infos }) => {
        const cidrs = cidrsOf(infos);
        return cidrs.length === 0 ? [] : [[name, NetworkSet.of(cidrs)] as const];
      }),
    );
    this.#all = NetworkSet.of(named.flatMap(({ infos }) => cidrsOf(infos)));
    this.#addresses = new Set(
      named.flatMap(({ infos }) => infos.map(({ address }) => plainAddress(address))),
    );
  }

  /** As they are now. */
  static now(): OwnNetworks {
    return new OwnNetworks(networkInterfaces());
  }

  /** Whether a guest that hangs on this interface of ours, or on another of that name, is reached there. */
  leadTo(ip: string, via: string): boolean {
    return this.mayBeGuests(ip) && (this.#byInterface.get(via) ?? this.#all).has(ip);
  }

  /** Not ours, and good for more than the guest's own machine or link. */
  mayBeGuests(ip: string): boolean {
    return !localOnly.has(ip) && !this.#addresses.has(plainAddress(ip));
  }
}

function cidrsOf(infos: readonly { readonly cidr: string | null }[]): string[] {
  return infos.flatMap(({ cidr }) => (cidr === null ? [] : [cidr]));
}

/** Loopback, link-local, unspecified and multicast addresses. */
const localOnly = NetworkSet.of([
  ...["127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4"],
  ...["::1", "::", "fe80::/10", "ff00::/8"],
]);
