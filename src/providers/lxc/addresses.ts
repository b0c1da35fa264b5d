// At which of its addresses a container is reached. Those that it really has count, since DHCP or its own
// programs may have given it others than its configuration says; that is asked where it cannot be seen.

import type { OwnNetworks } from "../own-networks.ts";
import type { WorkloadAddress } from "../workload.ts";
import type { Seen } from "./life.ts";
import { addressesOf } from "./lxc-config.ts";
import type { Nic } from "./nics.ts";

export interface AddressSource {
  readonly nics: readonly Nic[];
  /** undefined = it cannot be seen. */
  readonly seen: Seen | undefined;
  readonly networks: OwnNetworks;
}

/**
 * The best first: on a network that we are in too, IPv4, as configured. Others only when they are configured,
 * as routed ones are: root of the container can give itself any.
 */
export function reachableOf({ nics, seen, networks }: AddressSource): readonly WorkloadAddress[] {
  const configured = new Set(addressesOf(nics));
  const ready = (seen?.v6 ?? []).flatMap(({ ip, isTentative }) => (isTentative ? [] : [ip]));
  const all = seen === undefined ? [...configured] : [...seen.v4, ...ready];
  const links = [...new Set(nics.map(({ link }) => link))];
  const found: { readonly address: WorkloadAddress; readonly rank: number }[] = [];
  for (const ip of all) {
    if (!networks.mayBeGuests(ip)) continue;
    const via = (links.length === 0 ? [""] : links).find((link) => networks.leadTo(ip, link));
    const isConfigured = configured.has(ip);
    if (via === undefined && !isConfigured) continue;
    const rank = (via === undefined ? 4 : 0) + (ip.includes(":") ? 2 : 0) + (isConfigured ? 0 : 1);
    found.push({ address: { ip, network: via ?? "" }, rank });
  }
  return found.toSorted((a, b) => a.rank - b.rank).map(({ address }) => address);
}

/** What it has, for people: without those of the machine that everybody has. */
export function seenOf(seen: Seen | undefined, networks: OwnNetworks): readonly string[] {
  const all = [...(seen?.v4 ?? []), ...(seen?.v6 ?? []).map(({ ip }) => ip)];
  return all.filter((ip) => networks.mayBeGuests(ip));
}
