// One URI of libvirt as a source: its domains, listed again at every event. Addresses come from leases of
// libvirt's networks first, since no guest can make those up; from the agent inside, or the machine's own
// ARP table, where there are none.

import { discovery, virsh } from "../../config/provider-limits.ts";
import { AddressHolders } from "../address-holders.ts";
import { AddressWait } from "../address-wait.ts";
import { OwnNetworks } from "../own-networks.ts";
import { relist } from "../relist.ts";
import { Unchanged } from "../unchanged.ts";
import type { Workload, WorkloadAddress } from "../workload.ts";
import { interfaceAddresses, leases, type MacAddress } from "./address-tables.ts";
import { type Domain, parseDomain } from "./domain.ts";
import { Virsh } from "./virsh.ts";

/** A domain that cannot be read. */
export interface Unreadable {
  readonly uuid: string;
  readonly why: string;
}

export interface Domains {
  readonly workloads: readonly Workload[];
  readonly unreadable: readonly Unreadable[];
}

interface Looked {
  readonly seen: readonly SeenDomain[];
  readonly unreadable: readonly Unreadable[];
}

interface SeenDomain {
  readonly domain: Domain;
  readonly state: Workload["state"];
  readonly addresses: readonly WorkloadAddress[];
}

export class Hypervisor {
  readonly #virsh: Virsh;
  readonly #unchanged = new Unchanged();
  readonly #holders = new AddressHolders();
  /** Until when an agent that does not answer is left alone, ms of the monotonic clock, by UUID. */
  readonly #silent = new Map<string, number>();
  /** UUIDs of libvirt's own networks, as they were listed last. */
  #networks: readonly string[] = [];

  constructor(uri: string) {
    this.#virsh = new Virsh(uri);
  }

  /** All there are, whenever something changed. Throws when libvirt cannot be asked. */
  async *domains(signal: AbortSignal): AsyncGenerator<Domains> {
    const waiting = new AddressWait();
    yield* relist(
      {
        every: discovery.relist,
        list: async (listing) => {
          const domains = await this.#list(listing);
          waiting.listed(domains.workloads);
          return domains;
        },
        watch: async (changed, watching) => {
          const ending = new AbortController();
          const either = AbortSignal.any([watching, ending.signal]);
          const ask = (due: readonly Workload[]) => this.#addresses(due, either);
          const run = waiting.run({ ask, found: changed }, either);
          try {
            await this.#virsh.events(changed, either);
          } finally {
            ending.abort();
            await run;
          }
        },
      },
      signal,
    );
  }

  /** Settles when it was told to; rejects with a sentence. */
  async power(uuid: string, action: "start" | "stop"): Promise<void> {
    const command = action === "start" ? "start" : "shutdown";
    const never = new AbortController().signal;
    const options = { timeout: virsh.powerTimeout, mayChange: true };
    await this.#virsh.command(`${command} ${uuid}`, never, options);
  }

  async #list(signal: AbortSignal): Promise<Domains> {
    const commands = ["list --all --uuid", "net-list --uuid"];
    const [domainList = "", networkList = ""] = await this.#virsh.batch(commands, signal);
    this.#networks = uuidsOf(networkList);
    const uuids = uuidsOf(domainList).slice(0, discovery.workloads);
    const { seen, unreadable } = await this.#look(uuids, signal);
    const workloads = this.#holders.settle(seen.map(workloadOf));
    return { workloads: this.#unchanged.of(workloads), unreadable };
  }

  /** Of those that run without an address, at a small part of what a listing costs. */
  async #addresses(
    due: readonly Workload[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly WorkloadAddress[]>> {
    const uuids = due.map(({ id }) => id);
    const { seen } = await this.#look(uuids, signal);
    return new Map(seen.map(({ domain, addresses }) => [domain.uuid, addresses]));
  }

  async #look(uuids: readonly string[], signal: AbortSignal): Promise<Looked> {
    const leased = await this.#leases(signal);
    const networks = OwnNetworks.now();
    const seen: SeenDomain[] = [];
    const unreadable: Unreadable[] = [];
    for (let from = 0; from < uuids.length; from += virsh.batch) {
      const part = uuids.slice(from, from + virsh.batch);
      for (const { uuid, answers } of await this.#describe(part, signal)) {
        const [state = "", xml = "", ...tables] = answers;
        // It went while it was asked about.
        if (xml === "") continue;
        const domain = parseDomain(xml);
        if (typeof domain === "string") unreadable.push({ uuid, why: domain });
        else
          seen.push(seenDomain({ domain: { ...domain, uuid }, state, tables, leased, networks }));
      }
    }
    return { seen: await this.#withAgents(seen, networks, signal), unreadable };
  }

  async #describe(uuids: readonly string[], signal: AbortSignal) {
    const commands = uuids.flatMap((uuid) => [
      `domstate ${uuid}`,
      `dumpxml ${uuid}`,
      ...addressCommands(uuid),
    ]);
    const answers = await this.#virsh.batch(commands, signal);
    const size = commands.length / uuids.length;
    return uuids.map((uuid, index) => ({
      uuid,
      answers: answers.slice(index * size, (index + 1) * size),
    }));
  }

  async #leases(signal: AbortSignal): Promise<readonly MacAddress[]> {
    if (this.#networks.length === 0) return [];
    const commands = this.#networks.map((uuid) => `net-dhcp-leases ${uuid}`);
    return (await this.#virsh.batch(commands, signal)).flatMap(leases);
  }

  /** Only those that nobody else knows an address of: an agent that hangs costs its time. */
  async #withAgents(
    seen: readonly SeenDomain[],
    networks: OwnNetworks,
    signal: AbortSignal,
  ): Promise<readonly SeenDomain[]> {
    const now = performance.now();
    const isDue = ({ domain, state, addresses }: SeenDomain) =>
      state === "running" &&
      domain.hasAgent &&
      addresses.length === 0 &&
      (this.#silent.get(domain.uuid) ?? 0) < now;
    const due = seen.filter(isDue);
    const found = new Map<SeenDomain, readonly WorkloadAddress[]>();
    for (let from = 0; from < due.length; from += virsh.agentsAtOnce) {
      const part = due.slice(from, from + virsh.agentsAtOnce);
      const answers = await Promise.all(part.map(({ domain }) => this.#agent(domain.uuid, signal)));
      for (const [index, each] of part.entries()) {
        found.set(each, addressesOf(each.domain, answers[index] ?? [], networks));
      }
    }
    return seen.map((each) => ({ ...each, addresses: found.get(each) ?? each.addresses }));
  }

  async #agent(uuid: string, signal: AbortSignal): Promise<readonly MacAddress[]> {
    const command = `domifaddr ${uuid} --full --source agent`;
    const options = { timeout: virsh.agentTimeout, mayChange: true };
    let found: readonly MacAddress[] = [];
    try {
      found = interfaceAddresses(await this.#virsh.command(command, signal, options));
    } catch {
      // It does not answer, or we may not ask it: the domain has no address then, which is told.
    }
    if (found.length > 0) this.#silent.delete(uuid);
    else this.#silent.set(uuid, performance.now() + virsh.agentPause);
    // So that those that are gone are forgotten.
    for (const [each, until] of this.#silent)
      if (until < performance.now()) this.#silent.delete(each);
    return found;
  }
}

function addressCommands(uuid: string): string[] {
  return [`domifaddr ${uuid} --full`, `domifaddr ${uuid} --full --source arp`];
}

interface Described {
  readonly domain: Domain;
  readonly state: string;
  /** By libvirt's leases, and by ARP. */
  readonly tables: readonly string[];
  readonly leased: readonly MacAddress[];
  readonly networks: OwnNetworks;
}

function seenDomain({ domain, state: word, tables, leased, networks }: Described): SeenDomain {
  const state = stateOf(word);
  if (state === "stopped") return { domain, state, addresses: [] };
  const [own = "", arp = ""] = tables;
  const sources = [interfaceAddresses(own), leased, interfaceAddresses(arp)];
  const found = sources.map((source) => addressesOf(domain, source, networks));
  return { domain, state, addresses: found.find((each) => each.length > 0) ?? [] };
}

/** In the order of its interfaces, IPv4 first. */
function addressesOf(
  domain: Domain,
  source: readonly MacAddress[],
  networks: OwnNetworks,
): readonly WorkloadAddress[] {
  return domain.interfaces.flatMap(({ mac, network, bridge }) => {
    const mine = source.filter((each) => each.mac === mac).map(({ ip }) => ip);
    const reached = [...new Set(mine)].filter((ip) => networks.leadTo(ip, bridge || network));
    const order = reached.toSorted((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
    return order.map((ip) => ({ ip, network }));
  });
}

function workloadOf({ domain, state, addresses }: SeenDomain): Workload {
  const isLost = state === "running" && addresses.length === 0;
  return {
    platform: "libvirt",
    id: domain.uuid,
    name: domain.name,
    project: undefined,
    role: undefined,
    hostName: "",
    state,
    health: "none",
    createdAt: 0,
    addresses,
    exposed: [],
    published: [],
    labels: domain.labels,
    env: {},
    trouble: isLost ? noAddress(domain) : undefined,
  };
}

function noAddress({ interfaces, hasAgent }: Domain): string {
  if (interfaces.length === 0) return "it has no network interface";
  const remedy = hasAgent
    ? "its agent says none, or may only be asked by members of the group libvirt"
    : "an address comes from DHCP of a libvirt network, or from the guest agent";
  return `libvirt knows no address of it, or none yet: ${remedy}`;
}

function stateOf(word: string): Workload["state"] {
  switch (word) {
    case "running":
    case "idle":
    case "no state":
      return "running";
    case "paused":
    case "pmsuspended":
      return "paused";
    case "in shutdown":
      return "stopping";
    default:
      return "stopped";
  }
}

function uuidsOf(text: string): string[] {
  return text.match(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/gm) ?? [];
}
