// Root of a guest can give it any address, that of its neighbour too. Whoever had an address first keeps it
// while they say that they have it, so that nobody gets what is meant for others.

import type { Workload, WorkloadAddress } from "./workload.ts";

export class AddressHolders {
  /** Id of the holder by address. */
  #holders = new Map<string, string>();

  /** The workloads, each with the addresses that it holds. Of those that are new the older one is first. */
  settle(workloads: readonly Workload[]): Workload[] {
    const byId = new Map(workloads.map((each) => [each.id, each]));
    const holders = new Map<string, string>();
    for (const [ip, id] of this.#holders) {
      if (byId.get(id)?.addresses.some((each) => each.ip === ip)) holders.set(ip, id);
    }
    for (const { id, addresses } of workloads.toSorted((a, b) => a.createdAt - b.createdAt)) {
      for (const { ip } of addresses) if (!holders.has(ip)) holders.set(ip, id);
    }
    this.#holders = holders;
    return workloads.map((workload) => {
      const isMine = ({ ip }: WorkloadAddress) => holders.get(ip) === workload.id;
      if (workload.addresses.every(isMine)) return workload;
      const addresses = workload.addresses.filter(isMine);
      if (addresses.length > 0) return { ...workload, addresses };
      const [{ ip } = { ip: "" }] = workload.addresses;
      const holder = byId.get(holders.get(ip) ?? "")?.name;
      const trouble = `its address ${ip} is that of ${holder}, who had it before`;
      return { ...workload, addresses, trouble };
    });
  }
}
