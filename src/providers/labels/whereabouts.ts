// Where a container or VM is reached: its own address with the port it listens on, else the port of the
// machine that leads to it; or why it is not there now.

import { parseBackendUrl } from "../../config/backend-url.ts";
import type { Note } from "../../config/finding.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { AbsentBackend, Backend } from "../../config/service.ts";
import { isAddress, NetworkSet } from "../../lib/ip.ts";
import type { PublishedPort, Workload, WorkloadAddress } from "../workload.ts";
import { hint, shown, warning } from "./note.ts";
import type { WishedService } from "./wish.ts";

export interface Whereabouts {
  /** Exactly one of these two. */
  readonly backend: Backend | undefined;
  readonly absent: AbsentBackend | undefined;
  /** Where it listens itself, whatever port leads there. */
  readonly port: number | undefined;
  /** The address is its own, with all its ports; false: that of a machine, where others listen too. */
  readonly isOwn: boolean;
  readonly notes: readonly Note[];
}

export function whereaboutsOf(
  workload: Workload,
  service: WishedService,
  settings: DiscoverySettings,
): Whereabouts {
  const notes: Note[] = [];
  const absent = absenceOf(workload, notes);
  const nowhere = { backend: undefined, port: undefined, isOwn: false, notes };
  if (absent !== undefined) return { ...nowhere, absent };
  const away = (why: string): Whereabouts => {
    const state = "unreachable";
    return { ...nowhere, absent: { name: workload.name, state, why } };
  };
  const port = portOf(workload, service, settings, notes);
  if (port === undefined) return away("it says no port: add the label tidegate.port");
  const address = addressOf(workload, service, notes);
  const endpoint = endpointOf(workload, address, port);
  if (endpoint === undefined) return away(workload.trouble ?? troubleOf(workload, port));
  const { scheme, basePath, weight, tier } = service;
  let why = "";
  const url = parseBackendUrl(`${scheme}://${endpoint}${basePath}`, (message) => {
    why = message;
    return undefined;
  });
  if (url === undefined) return away(why);
  const isOwn = address !== undefined && isGuests(workload, address);
  return { backend: { ...url, weight, tier }, absent: undefined, port, isOwn, notes };
}

/** One word for people. */
export function stateOf({ state, health }: Workload): string {
  if (state !== "running") return state;
  return health === "starting" || health === "unhealthy" ? health : state;
}

/** Of signals that stop it, as shells count them: SIGINT, SIGKILL, SIGTERM. Somebody wanted that. */
const wanted = new Set([0, 130, 137, 143]);

export function absenceOf(workload: Workload, notes: Note[]): AbsentBackend | undefined {
  const { name, exitCode = 0 } = workload;
  switch (stateOf(workload)) {
    case "stopped": {
      if (wanted.has(exitCode)) return { name, state: "stopped", why: "it is stopped" };
      const why = `it ended with exit code ${exitCode}`;
      notes.push(warning("", why, "its log may say why"));
      return { name, state: "stopped", why };
    }
    case "stopping":
      return { name, state: "stopped", why: "it is being stopped" };
    case "paused":
      return { name, state: "paused", why: "it is paused" };
    case "starting":
      return workload.state === "starting"
        ? { name, state: "starting", why: "it is starting" }
        : { name, state: "starting", why: "its own health check has not passed yet" };
    case "unhealthy":
      return { name, state: "unhealthy", why: "its own health check fails" };
    default:
      return undefined;
  }
}

function troubleOf({ published }: Workload, port: number): string {
  const ports = published.filter(isTcp).map((each) => each.port);
  if (ports.length === 0) return "it has no address that can be reached from here";
  return `it has no address that can be reached from here, and publishes ${ports.join(", ")}, not ${port}`;
}

function isTcp({ protocol }: { readonly protocol: string }): boolean {
  return protocol === "tcp";
}

function portOf(
  workload: Workload,
  service: WishedService,
  settings: DiscoverySettings,
  notes: Note[],
): number | undefined {
  const exposed = sorted(workload.exposed.filter(isTcp).map(({ port }) => port));
  const published = sorted(workload.published.filter(isTcp).map(({ port }) => port));
  const said = service.port ?? settings.port;
  if (said !== undefined) {
    const isKnown = exposed.includes(said) || published.includes(said);
    if (service.port !== undefined && exposed.length > 0 && !isKnown) {
      notes.push(hint("", `port ${said} is asked for; it says that it has ${exposed.join(", ")}`));
    }
    return said;
  }
  const known = exposed.length > 0 ? exposed : published;
  const [first, ...others] = known;
  if (first !== undefined && others.length > 0) {
    const message = `it has the ports ${known.join(", ")}, and ${first} is used`;
    notes.push(warning("", message, "say which with the label tidegate.port"));
  }
  return first;
}

function sorted(ports: readonly number[]): number[] {
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

/** The best one for this service. */
function addressOf(
  { addresses, project }: Workload,
  { network }: WishedService,
  notes: Note[],
): WorkloadAddress | undefined {
  const wanted =
    network === undefined
      ? undefined
      : addresses.find(
          (each) => each.network === network || each.network === `${project}_${network}`,
        );
  if (network !== undefined && wanted === undefined && addresses.length > 0) {
    const there = [...new Set(addresses.map((each) => each.network))].filter((name) => name !== "");
    const remedy = there.length === 0 ? undefined : `it is on ${there.join(", ")}`;
    notes.push(
      warning("", `it has no address that we reach on the network ${shown(network)}`, remedy),
    );
  }
  return wanted ?? addresses[0];
}

/** HOST:PORT. */
function endpointOf(
  { published }: Workload,
  address: WorkloadAddress | undefined,
  port: number,
): string | undefined {
  if (address !== undefined) return joined(address.ip, port);
  const outside = published.find((each: PublishedPort) => isTcp(each) && each.port === port);
  return outside === undefined ? undefined : joined(outside.hostIp, outside.hostPort);
}

/** Engines call the machine's own network so, and tell its address as the container's. */
function isGuests({ platform }: Workload, { ip, network }: WorkloadAddress): boolean {
  const isEngine = platform === "docker" || platform === "podman";
  return !(isEngine && network === "host") && isAddress(ip) && !loopback.has(ip);
}

const loopback = NetworkSet.of(["127.0.0.0/8", "0.0.0.0/8", "::1", "::"]);

function joined(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
