// Which IP addresses are those of this machine, as they are now. Reading them takes a while where there are
// thousands of containers, so that is done when somebody asks for the first time.

import { networkInterfaces } from "node:os";

import { canonicalAddress, NetworkSet } from "../lib/ip.ts";

export function machineAddresses(): (ip: string) => boolean {
  let known: ReadonlySet<string> | undefined;
  return (ip) => {
    if (loopback.has(ip)) return true;
    known ??= new Set(
      Object.values(networkInterfaces()).flatMap((infos = []) =>
        infos.flatMap(({ address }) => canonicalAddress(address) ?? []),
      ),
    );
    return known.has(canonicalAddress(ip) ?? "");
  };
}

const loopback = NetworkSet.of(["127.0.0.0/8", "0.0.0.0/8", "::1", "::"]);
