// An instance as Incus and LXD tell of it with `recursion=2`, read as a workload. Inside a container its
// owner is root and may make any interface: only those that the daemon made lead to it.

import { isAddress } from "../../lib/ip.ts";
import { isRecord, listAt, recordAt, textAt, type JsonRecord } from "../../lib/json.ts";
import type { OwnNetworks } from "../own-networks.ts";
import type { Workload, WorkloadAddress } from "../workload.ts";

export interface InstanceOptions {
  readonly platform: "incus" | "lxd";
  /** Networks of this machine. */
  readonly networks: OwnNetworks;
}

/** undefined = what was told is no instance. */
export function workloadOf(instance: unknown, options: InstanceOptions): Workload | undefined {
  const name = textAt(instance, "name");
  const project = textAt(instance, "project") || "default";
  if (name === "") return undefined;
  const config = recordAt(instance, "expanded_config");
  const state = stateOf(instance);
  const addresses = state.state === "stopped" ? [] : addressesOf(instance, options.networks);
  const createdAt = Date.parse(textAt(instance, "created_at"));
  return {
    platform: options.platform,
    // It outlives a new name. Instances that older versions made have none.
    id: textAt(config, "volatile.uuid") || `${project}/${name}`,
    name,
    project: project === "default" ? undefined : project,
    role: undefined,
    // The daemon gives it its own name, without a domain.
    hostName: "",
    state: state.state,
    health: "none",
    createdAt: Number.isFinite(createdAt) ? Math.max(0, createdAt) : 0,
    addresses,
    exposed: [],
    published: [],
    labels: labelsOf(config),
    env: {},
    trouble: state.trouble ?? troubleOf(instance, addresses),
  };
}

/** Addresses that lead to an instance, the best first, from the whole instance with its `state`. */
export function addressesOf(instance: unknown, networks: OwnNetworks): readonly WorkloadAddress[] {
  const order = seenAddresses(instance).filter(({ ip, network }) => networks.leadTo(ip, network));
  return order.map(({ ip, network }) => ({ ip, network }));
}

/** Why it runs and cannot be reached. */
function troubleOf(instance: unknown, addresses: readonly WorkloadAddress[]): string | undefined {
  if (stateOf(instance).state !== "running" || addresses.length > 0) return undefined;
  const seen = seenAddresses(instance);
  if (seen.length === 0) return "it has no address, or none yet";
  const all = seen.slice(0, 4).map(({ ip }) => ip);
  return `its address ${all.join(", ")} is not on a network that this machine shares with it`;
}

/** By interface, IPv4 first. */
function seenAddresses(instance: unknown): SeenAddress[] {
  const interfaces = Object.entries(recordAt(recordAt(instance, "state"), "network"));
  const devices = devicesOf(instance);
  const own = interfaces.flatMap(([name, details]) => {
    const mac = textAt(details, "hwaddr").toLowerCase();
    const device =
      devices.find((each) => mac !== "" && each.mac === mac) ??
      devices.find((each) => each.mac === "" && each.interfaceName === name);
    return device === undefined ? [] : [{ name, details, device }];
  });
  const found = own.flatMap(({ name, details, device }) =>
    listAt(details, "addresses").flatMap((each) => {
      const ip = textAt(each, "address");
      if (textAt(each, "scope") !== "global" || !isAddress(ip)) return [];
      return [{ ip, network: device.network, interfaceName: name }];
    }),
  );
  return found.toSorted(
    (a, b) =>
      compare(a.interfaceName, b.interfaceName) ||
      Number(a.ip.includes(":")) - Number(b.ip.includes(":")) ||
      compare(a.ip, b.ip),
  );
}

interface SeenAddress extends WorkloadAddress {
  readonly interfaceName: string;
}

interface NetworkDevice {
  readonly interfaceName: string;
  readonly network: string;
  /** Lower-case; "" = unknown. */
  readonly mac: string;
}

function devicesOf(instance: unknown): NetworkDevice[] {
  const config = recordAt(instance, "expanded_config");
  return Object.entries(recordAt(instance, "expanded_devices")).flatMap(([key, device]) => {
    if (textAt(device, "type") !== "nic") return [];
    const mac = textAt(device, "hwaddr") || textAt(config, `volatile.${key}.hwaddr`);
    return [
      {
        interfaceName: textAt(device, "name") || textAt(config, `volatile.${key}.name`) || key,
        network: textAt(device, "network") || textAt(device, "parent") || key,
        mac: mac.toLowerCase(),
      },
    ];
  });
}

/** `user.tidegate.host` is the label `tidegate.host`. */
function labelsOf(config: JsonRecord): Record<string, string> {
  const labels = Object.entries(config).flatMap(([key, value]) =>
    key.startsWith("user.tidegate.") && typeof value === "string"
      ? [[key.slice("user.".length), value] as const]
      : [],
  );
  return Object.fromEntries(labels);
}

interface State {
  readonly state: Workload["state"];
  readonly trouble: string | undefined;
}

function stateOf(instance: unknown): State {
  const named = textAt(recordAt(instance, "state"), "status") || textAt(instance, "status");
  const trouble = undefined;
  switch (named.toLowerCase()) {
    case "running":
    case "ready":
    case "thawed":
      return { state: "running", trouble };
    case "starting":
      return { state: "starting", trouble };
    case "stopping":
    case "aborting":
      return { state: "stopping", trouble };
    case "frozen":
    case "freezing":
      return { state: "paused", trouble };
    case "error":
      return { state: "running", trouble: "the daemon cannot tell its state: it says Error" };
    default:
      return { state: "stopped", trouble };
  }
}

function compare(a: string, b: string): number {
  // eth9 comes before eth10.
  return a.localeCompare(b, "en", { numeric: true });
}

/** The names in a list of projects. */
export function projectNames(answer: unknown): string[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((each: unknown) => (isRecord(each) ? [textAt(each, "name")] : []));
}
