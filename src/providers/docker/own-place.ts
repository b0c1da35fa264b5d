// Where we are ourselves: which networks we are in, and whether in a container of the daemon's own. From
// /proc where there is one; elsewhere, containers are reached at published ports only.

import { readFile } from "node:fs/promises";
import { NetworkSet } from "../../lib/ip.ts";

export interface OwnPlace {
  /** Networks that one of our interfaces is in. */
  readonly networks: NetworkSet;
  /** IPv4 address that other networks are reached through; inside a container this is the machine. */
  readonly gateway: string | undefined;
  /** Of the container that we run in; undefined = in none. */
  readonly containerId: string | undefined;
}

export async function ownPlace(): Promise<OwnPlace> {
  const paths = ["/proc/net/route", "/proc/net/ipv6_route", "/proc/self/mountinfo"];
  const [v4 = "", v6 = "", mounts = ""] = await Promise.all(
    paths.map((path) => readFile(path, "latin1").catch(() => "")), // no Linux, or no IPv6
  );
  const routes = v4Routes(v4);
  const connected = routes.filter(({ gateway }) => gateway === "0.0.0.0");
  return {
    // Not by the list of interfaces: it lacks bridges for up to a second after their first guest came.
    networks: NetworkSet.of([...connected.map(({ network }) => network), ...v6Networks(v6)]),
    gateway: routes.find(({ network }) => network === "0.0.0.0/0")?.gateway,
    containerId: containerIdIn(mounts),
  };
}

interface Route {
  readonly network: string;
  /** 0.0.0.0 = none. */
  readonly gateway: string;
}

const isUp = 0x1;
const isReject = 0x200;

/** Lines of /proc/net/route: interface, network, gateway, flags, …, mask as the 8th; hexadecimal. */
export function v4Routes(text: string): Route[] {
  return rowsOf(text).flatMap(([, network = "", gateway = "", flags = "", , , , mask = ""]) => {
    if (![network, gateway, mask].every((each) => /^[0-9A-F]{8}$/i.test(each))) return [];
    if (!isUsable(Number.parseInt(flags, 16))) return [];
    const bits = Number.parseInt(mask, 16).toString(2).replaceAll("0", "").length;
    return [{ network: `${addressOf(network)}/${bits}`, gateway: addressOf(gateway) }];
  });
}

/** Lines of /proc/net/ipv6_route: network, its length, source, its length, gateway, metric, …, flags, interface. */
export function v6Networks(text: string): string[] {
  return rowsOf(text).flatMap((row) => {
    const [network = "", length = "", , , gateway = "", , , , flags = "", name = ""] = row;
    const bits = Number.parseInt(length, 16);
    const isConnected = /^0{32}$/.test(gateway) && isUsable(Number.parseInt(flags, 16));
    if (!/^[0-9a-f]{32}$/i.test(network) || !isConnected || name === "lo") return [];
    // Link-local and multicast addresses lead to nobody without an interface's name.
    if (!(bits > 0 && bits <= 128) || /^f(e[89ab]|f)/i.test(network)) return [];
    return [`${network.match(/.{4}/g)?.join(":") ?? ""}/${bits}`];
  });
}

/** The engine mounts files of the container's own folder over some in /etc. */
export function containerIdIn(mountInfo: string): string | undefined {
  for (const row of rowsOf(mountInfo)) {
    const [, , , root = "", place = ""] = row;
    if (place !== "/etc/hostname" && place !== "/etc/resolv.conf") continue;
    const match = /\/(?:overlay-)?containers\/([0-9a-f]{64})\//.exec(root);
    if (match !== null) return match[1];
  }
  return undefined;
}

function isUsable(flags: number): boolean {
  return (flags & isUp) !== 0 && (flags & isReject) === 0;
}

/** Written backwards: the number as a processor with the lowest byte first keeps it. */
function addressOf(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return bytes
    .map((each) => Number.parseInt(each, 16))
    .reverse()
    .join(".");
}

function rowsOf(text: string): string[][] {
  return text.split("\n").map((line) => line.trim().split(/\s+/));
}
