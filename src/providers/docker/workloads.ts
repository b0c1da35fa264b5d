// Containers as workloads: what they belong to, and where they are reached from here.

import { isIP } from "node:net";
import type { Finding, Note } from "../../config/finding.ts";
import type { GuestPlace } from "../../config/guest.ts";
import type { DockerSettings } from "../../config/provider-settings.ts";
import type { PublishedPort, Workload, WorkloadAddress } from "../workload.ts";
import type { Container } from "./container.ts";
import type { Signal } from "./events.ts";
import { type Machine, orderOf, type Reach, reachOf, type ReachOptions } from "./reach.ts";

export interface View extends ReachOptions {
  readonly platform: "docker" | "podman";
  /** The latest signal that was sent to a container. */
  signalOf(id: string): Signal | undefined;
  /** Where the files of a container are. */
  guestOf(id: string): GuestPlace | undefined;
}

export interface Seen {
  readonly workloads: readonly Workload[];
  /** Those that are never routed, with the reason. */
  readonly findings: readonly Finding[];
}

export function workloadsOf(view: View): Seen {
  const reach = reachOf(view);
  const workloads: Workload[] = [];
  const findings: Finding[] = [];
  for (const container of view.containers.values()) {
    if (isUninteresting(container)) continue;
    const workload = workloadOf(container, reach, view);
    const why = whyLeftOut(container, view);
    if (why === undefined) workloads.push(workload);
    else findings.push(findingOf(workload, why, view.settings));
  }
  return { workloads, findings };
}

/** Nobody made these to be reached: they hold the network of a pod, or are what is left of a swarm's task. */
function isUninteresting({ image, labels, state }: Container): boolean {
  const isPause = /(^|\/)(podman-)?pause[:@]/.test(image);
  return isPause || (state === "stopped" && Object.hasOwn(labels, "com.docker.swarm.task.id"));
}

function whyLeftOut({ id, labels, unread }: Container, { place }: View): Note | undefined {
  if (id === place.containerId) return note("info", "this is Tidegate itself");
  const oneOff = labelOf(labels, "com.docker.compose.oneoff");
  if (oneOff?.toLowerCase() === "true") {
    const why =
      "`docker compose run` made it for one command; only services that are `up` are routed";
    return note("info", why);
  }
  if (unread === undefined) return undefined;
  // Its environment may say who must not get in.
  const why = `it is not routed, since its details cannot be read: ${unread}`;
  return note("error", why, "look at `docker inspect` of it; it is asked again all the time");
}

function note(severity: Note["severity"], message: string, remedy?: string): Note {
  return { severity, about: "", message, remedy };
}

function workloadOf(container: Container, reach: Reach, view: View): Workload {
  // Another container's network, with its name, its addresses and its ports.
  const owner = networkOwnerOf(container, view.containers);
  const isUp = container.state === "running";
  const isHost = owner?.networkMode === "host";
  const published = (owner?.bindings ?? []).flatMap((each): PublishedPort[] => {
    const hostIp = hostIpOf(each.hostIp, reach, view.settings);
    return hostIp === undefined ? [] : [{ ...each, hostIp }];
  });
  const addresses = owner === undefined ? [] : addressesOf(owner, reach, view);
  const guest = view.guestOf(container.id);
  const hasWay = addresses.length > 0 || published.some(({ protocol }) => protocol === "tcp");
  return {
    platform: view.platform,
    id: container.id,
    name: container.name,
    ...membershipOf(container.labels),
    hostName: isHost ? nameOnHost(owner, view.machine) : (owner ?? container).hostName,
    state: isUp && isEnding(container, view) ? "stopping" : container.state,
    // Whoever was told to end may do so with any code.
    exitCode: isEnding(container, view) ? undefined : container.exitCode,
    health: container.health,
    createdAt: container.createdAt,
    addresses,
    exposed: container.exposed,
    published: unlike(published),
    labels: container.labels,
    env: container.env,
    trouble: isUp && !hasWay ? troubleOf(container, owner, reach) : undefined,
    ...(guest === undefined ? {} : { guest }),
  };
}

/** Itself, or whose network it uses; undefined = that one is gone. */
function networkOwnerOf(
  container: Container,
  containers: ReadonlyMap<string, Container>,
): Container | undefined {
  let owner: Container | undefined = container;
  // A chain of five is not to be had by accident; a circle is.
  for (let steps = 0; steps < 5 && owner !== undefined; steps += 1) {
    if (!owner.networkMode.startsWith("container:")) return owner;
    owner = containers.get(owner.networkMode.slice("container:".length));
  }
  return undefined;
}

function addressesOf(owner: Container, reach: Reach, view: View): WorkloadAddress[] {
  if (owner.networkMode === "host") {
    return reach.host === undefined ? [] : [{ ip: reach.host, network: "host" }];
  }
  return orderOf(owner.endpoints, view).flatMap(({ network, v4, v6 }) =>
    [v4, v6]
      .filter((ip) => isIP(ip) !== 0 && reach.canReach(ip, network))
      .map((ip) => ({ ip, network })),
  );
}

/** undefined = nobody gets there from here. */
function hostIpOf(hostIp: string, reach: Reach, settings: DockerSettings): string | undefined {
  if (settings.publishedHost !== undefined) return settings.publishedHost;
  if (hostIp === "" || hostIp === "0.0.0.0" || hostIp === "::") return reach.host;
  if (isIP(hostIp) === 0) return undefined;
  const isLoopback = hostIp === "::1" || hostIp.startsWith("127.");
  return isLoopback && !reach.isOwnHost ? undefined : hostIp;
}

/** A port that is published for IPv4 and IPv6 is the same one, reached at the same place. */
function unlike(published: readonly PublishedPort[]): PublishedPort[] {
  const byText = new Map(published.map((each) => [JSON.stringify(each), each]));
  return [...byText.values()].sort((a, b) => a.port - b.port || a.hostPort - b.hostPort);
}

/** With the network of the machine it has the machine's name, unless it was given one. */
function nameOnHost({ hostName }: Container, machine: Machine): string {
  return hostName === machine.hostName ? "" : hostName;
}

/** It has got the signal that ends it, since it was started. */
function isEnding({ id, startedAt, stopSignal }: Container, { signalOf }: View): boolean {
  const sent = signalOf(id);
  if (sent === undefined || sent.at <= startedAt) return false;
  return sent.number === 15 || sent.number === stopSignal;
}

function membershipOf(labels: Container["labels"]): Pick<Workload, "project" | "role"> {
  const project =
    labelOf(labels, "com.docker.compose.project") ?? labelOf(labels, "io.podman.compose.project");
  if (project !== undefined) {
    const role =
      labelOf(labels, "com.docker.compose.service") ?? labelOf(labels, "io.podman.compose.service");
    return { project, role };
  }
  const stack = labelOf(labels, "com.docker.stack.namespace");
  const service = labelOf(labels, "com.docker.swarm.service.name");
  const isInStack = stack !== undefined && service?.startsWith(`${stack}_`) === true;
  return { project: stack, role: isInStack ? service?.slice(stack.length + 1) : service };
}

/** undefined = it has no such label, or an empty one. */
function labelOf(labels: Container["labels"], name: string): string | undefined {
  const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
  return value === "" ? undefined : value;
}

function troubleOf(container: Container, owner: Container | undefined, reach: Reach): string {
  if (owner === undefined) return "it uses the network of another container, which is not there";
  if (owner.networkMode === "host") {
    return "it uses the network of its machine, which is not reached from here: set `publishedHost`";
  }
  if (owner.state === "stopped") return `it uses the network of ${owner.name}, which is stopped`;
  const whose = owner === container ? "it" : `${owner.name}, whose network it uses,`;
  const names = owner.endpoints.map(({ network }) => network).filter((name) => name !== "none");
  if (names.length === 0 && owner.endpoints.every(({ v4, v6 }) => v4 === "" && v6 === "")) {
    return `${whose} is in no network: connect it to one, or publish its port`;
  }
  const remedy = reach.isOwnHost ? "publish its port" : "join one of them, or publish its port";
  return `${whose} is only in ${names.join(", ")}, which Tidegate is not in: ${remedy}`;
}

function findingOf(workload: Workload, why: Note, { name: provider }: DockerSettings): Finding {
  const { platform, name, id, project, state, addresses } = workload;
  return {
    provider,
    platform,
    name,
    id: id.slice(0, 12),
    project,
    state,
    addresses: addresses.map(({ ip }) => ip),
    became: [],
    notes: [why],
  };
}
