// One container as the engine tells of it: its entry in the list, and its details. Both come from outside;
// what is missing or of the wrong kind counts as not said.

import { constants } from "node:os";
import { dockerDiscovery } from "../../config/provider-limits.ts";
import { isRecord, type JsonRecord, listAt, recordAt, textAt } from "../../lib/json.ts";
import type { Workload, WorkloadPort } from "../workload.ts";

export interface Container {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly createdAt: number;
  /** ms since 1970, by the daemon's clock; 0 = unknown. */
  readonly startedAt: number;
  readonly state: Workload["state"];
  /** Of the last time it ran. */
  readonly exitCode: number;
  readonly health: Workload["health"];
  /** With its domain; "" = the engine made it up. */
  readonly hostName: string;
  /** `host`, `none`, `container:ID`, or the name of a network. */
  readonly networkMode: string;
  readonly endpoints: readonly Endpoint[];
  readonly exposed: readonly WorkloadPort[];
  readonly bindings: readonly Binding[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Number of the signal that asks it to end. */
  readonly stopSignal: number;
  /** Of its first process, as the engine's machine counts; 0 = it has none, or nobody says. */
  readonly pid: number;
  /** Why its details cannot be read, a sentence: half of what it wants is not known then. */
  readonly unread: string | undefined;
}

/** Its place in a network. */
export interface Endpoint {
  readonly network: string;
  /** "" = none. */
  readonly v4: string;
  readonly v6: string;
}

/** A port of the machine, as it is published. */
export interface Binding extends WorkloadPort {
  /** May stand for all addresses of the machine. */
  readonly hostIp: string;
  /** 0 = chosen at the next start. */
  readonly hostPort: number;
}

/** undefined = no container. `details` may be an empty mapping: then the entry has to do. */
export function readContainer(entry: JsonRecord, details: JsonRecord): Container | undefined {
  const id = textAt(entry, "Id");
  if (!isId(id)) return undefined;
  const config = recordAt(details, "Config");
  const status = recordAt(details, "State");
  const host = recordAt(details, "HostConfig");
  const hasDetails = Object.hasOwn(details, "Config");
  const state = stateOf(textAt(status, "Status") || textAt(entry, "State"));
  const healthWord = textAt(recordAt(status, "Health"), "Status");
  const settings = recordAt(hasDetails ? details : entry, "NetworkSettings");
  const mode = textAt(host, "NetworkMode") || textAt(recordAt(entry, "HostConfig"), "NetworkMode");
  return {
    id,
    name: nameOf(entry, details) || id.slice(0, 12),
    image: textAt(config, "Image") || textAt(entry, "Image"),
    createdAt: timeOf(textAt(details, "Created")) || 1000 * numberAt(entry, "Created"),
    startedAt: timeOf(textAt(status, "StartedAt")),
    state,
    exitCode: numberAt(status, "ExitCode"),
    health: hasDetails ? healthOf(healthWord) : healthOf(healthIn(textAt(entry, "Status"))),
    hostName: hostNameOf(config, id),
    networkMode: mode,
    endpoints: endpointsOf(recordAt(settings, "Networks")),
    exposed: exposedOf(recordAt(config, "ExposedPorts")),
    bindings: hasDetails ? bindingsOf(settings, host, config, state) : entryBindings(entry),
    labels: textsOf(recordAt(hasDetails ? config : entry, "Labels")),
    env: environmentOf(listAt(config, "Env")),
    stopSignal: signalNumber(textAt(config, "StopSignal")),
    pid: processNumber(numberAt(status, "Pid")),
    unread: undefined,
  };
}

/** What the list says of a container whose details are not there yet, and were others before. */
export function updated(container: Container, entry: JsonRecord): Container {
  const now = readContainer(entry, {});
  if (now === undefined) return container;
  const { name, state } = now;
  // Podman's list says nothing of health, and its own one nothing of addresses.
  const health = now.health === "none" ? container.health : now.health;
  const hasAddresses = Object.hasOwn(entry, "NetworkSettings");
  const { endpoints, bindings } = hasAddresses ? now : container;
  return { ...container, name, state, health, endpoints, bindings };
}

/** Ids go into paths of questions. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The word of health in `Up 3 minutes (unhealthy)`; the engine says it nowhere else in its list. */
export function healthIn(status: string): string {
  return /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(status)?.[1] ?? "";
}

/** The name without the slash in front; links of old give a container names with two slashes. */
function nameOf(entry: JsonRecord, details: JsonRecord): string {
  const names = [textAt(details, "Name"), ...listAt(entry, "Names")];
  const plain = names.find((name) => typeof name === "string" && /^\/?[^/]+$/.test(name));
  return typeof plain === "string" ? plain.replace("/", "").slice(0, 256) : "";
}

function stateOf(word: string): Workload["state"] {
  switch (word) {
    case "running":
    case "paused":
    case "stopping":
      return word;
    case "restarting":
      return "starting";
    default:
      // created, exited, dead, removing; and Podman's configured, initialized, stopped.
      return "stopped";
  }
}

function healthOf(word: string): Workload["health"] {
  return word === "starting" || word === "healthy" || word === "unhealthy" ? word : "none";
}

function hostNameOf(config: JsonRecord, id: string): string {
  const host = textAt(config, "Hostname").slice(0, 256);
  if (host === "" || host === id.slice(0, 12)) return "";
  const domain = textAt(config, "Domainname").slice(0, 256);
  return domain === "" ? host : `${host}.${domain}`;
}

function endpointsOf(networks: JsonRecord): Endpoint[] {
  return Object.entries(networks)
    .slice(0, dockerDiscovery.ports)
    .map(([network, each]) => ({
      network,
      v4: textAt(each, "IPAddress"),
      v6: textAt(each, "GlobalIPv6Address"),
    }));
}

/** Keys are `80/tcp`. */
function exposedOf(ports: JsonRecord): WorkloadPort[] {
  return Object.keys(ports)
    .slice(0, dockerDiscovery.ports)
    .flatMap((text) => portIn(text) ?? [])
    .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

function bindingsOf(
  settings: JsonRecord,
  host: JsonRecord,
  config: JsonRecord,
  state: Workload["state"],
): Binding[] {
  const isUp = state === "running" || state === "paused" || state === "stopping";
  // A stopped one still says what it will publish.
  const wanted = isUp ? recordAt(settings, "Ports") : recordAt(host, "PortBindings");
  const found: Binding[] = [];
  for (const [text, places] of Object.entries(wanted)) {
    const port = portIn(text);
    if (port === undefined || !Array.isArray(places)) continue;
    for (const place of places) {
      if (found.length >= dockerDiscovery.ports) return found;
      const hostPort = portNumber(textAt(place, "HostPort"));
      if (isUp && hostPort === 0) continue;
      found.push({ ...port, hostIp: textAt(place, "HostIp"), hostPort });
    }
  }
  if (isUp || host["PublishAllPorts"] !== true) return found;
  const all = exposedOf(recordAt(config, "ExposedPorts"));
  return [...found, ...all.map((port) => ({ ...port, hostIp: "", hostPort: 0 }))];
}

function entryBindings(entry: JsonRecord): Binding[] {
  return listAt(entry, "Ports")
    .slice(0, dockerDiscovery.ports)
    .flatMap((each) => {
      if (!isRecord(each)) return [];
      const port = portIn(`${numberAt(each, "PrivatePort")}/${textAt(each, "Type")}`);
      const hostPort = portNumber(String(numberAt(each, "PublicPort")));
      if (port === undefined || hostPort === 0) return [];
      return [{ ...port, hostIp: textAt(each, "IP"), hostPort }];
    });
}

function portIn(text: string): WorkloadPort | undefined {
  const [number = "", protocol = "tcp"] = text.split("/");
  const port = portNumber(number);
  if (port === 0 || (protocol !== "tcp" && protocol !== "udp")) return undefined;
  return { port, protocol };
}

/** 0 = none. */
function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port <= 65_535 ? port : 0;
}

function textsOf(values: JsonRecord): Record<string, string> {
  const texts = Object.entries(values).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(texts);
}

/** `NAME=VALUE` each; the last one of a name counts, as in the container. */
function environmentOf(lines: readonly unknown[]): Record<string, string> {
  return Object.fromEntries(
    lines.flatMap((line): [string, string][] => {
      const at = typeof line === "string" ? line.indexOf("=") : -1;
      return typeof line === "string" && at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    }),
  );
}

/** A name with or without SIG, a number, or nothing, which is SIGTERM. */
function signalNumber(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^(SIG)?/, "SIG");
  const realTime = /^SIGRTMIN\+(\d{1,2})$/.exec(name);
  if (realTime !== null) return 34 + Number(realTime[1]);
  const known = new Map<string, number>(Object.entries(constants.signals));
  return known.get(name) ?? constants.signals.SIGTERM;
}

function processNumber(number: number): number {
  return Number.isSafeInteger(number) && number > 1 ? number : 0;
}

/** 0 = unknown, or before 1970, which is how engines write "never". */
function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : Math.max(0, time);
}

function numberAt(value: JsonRecord, key: string): number {
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === "number" && Number.isFinite(found) ? found : 0;
}
