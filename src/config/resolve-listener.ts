// A listener as the file says it → as the Snapshot holds it, and whether two want one address.

import type { AdminSettings } from "./admin-settings.ts";
import type { MetricsSettings } from "./metrics-settings.ts";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import { defaultDatagrams } from "./limits.ts";
import type { ListenerInput } from "./listener-schema.ts";
import { resolveList } from "./middlewares/list.ts";
import { resolveNetworks } from "./network-sources.ts";
import type { Path } from "./problem.ts";
import { resolveTlsOptions } from "./resolve-tls.ts";
import { timeoutsOf, useService } from "./service-graph.ts";
import type { Address, Compat, Listener, StreamTimeouts } from "./snapshot.ts";
import type { TlsOptions } from "./tls-settings.ts";

export function resolveListener(
  context: Context,
  name: string,
  input: ListenerInput,
  { path, tls }: { readonly path: Path; readonly tls: TlsOptions },
): Listener {
  const { protocol = "http" } = input;
  const trust = trustOf(context, input, path);
  checkKeys(context, protocol, input, path);
  const { head, idle } = context.timeouts;
  const service = serviceOf(context, name, input, path);
  const middlewares = resolveList(context, input.middlewares, [...path, "middlewares"]);
  for (const { kind } of middlewares) {
    if (kind !== "cache" && kind !== "collapse") continue;
    const message = `${kind} is for a route or a service, and this is a listener`;
    report(context, [...path, "middlewares"], { message, remedy: "name it there" });
  }
  return {
    name,
    origin: context.originOf(path),
    bind: input.bind,
    protocol,
    service,
    streamTimeouts: streamTimeoutsOf(context, service),
    datagrams: { ...defaultDatagrams, ...given(input.datagrams) },
    proxyProtocol: input.proxyProtocol ?? false,
    tls: tlsOf(context, input, tls, [...path, "tls"]),
    http2: isSecure(input) ? (input.http2 ?? true) : (input.h2c ?? false),
    ...trust,
    ...(middlewares.length === 0 ? {} : { middlewares }),
    timeouts: { head, idle, ...given(input.timeouts) },
  };
}

/** Whose word counts, and where they say it. */
function trustOf(
  context: Context,
  { trustedProxies, clientAddress, proxyProtocol, protocol = "http" }: ListenerInput,
  path: Path,
): Pick<Listener, "trustedProxies" | "trustedLists" | "clientHeader"> {
  const { networks, lists } =
    trustedProxies === undefined
      ? context.trustedProxies
      : resolveNetworks(context, trustedProxies, "proxies", [...path, "trustedProxies"]);
  const isAnybody = networks.length + lists.length > 0;
  if (proxyProtocol === true && protocol !== "udp" && !isAnybody) {
    const message = "needs to know which proxies may connect";
    report(context, [...path, "proxyProtocol"], { message, remedy: "add trustedProxies" });
  }
  if (clientAddress !== undefined && (!isAnybody || protocol !== "http")) {
    const [message, remedy] =
      protocol === "http"
        ? ["nobody is believed here", "add trustedProxies"]
        : [`is for requests, and this listener is ${protocol}`, "leave it out"];
    report(context, [...path, "clientAddress"], { message, remedy, at: "key" });
  }
  return {
    trustedProxies: networks,
    ...(lists.length === 0 ? {} : { trustedLists: lists }),
    ...(clientAddress === undefined ? {} : { clientHeader: clientAddress.header }),
  };
}

function isSecure({ tls = false, protocol = "http" }: ListenerInput): boolean {
  return tls !== false && protocol === "http";
}

function tlsOf(
  context: Context,
  { tls, protocol = "http" }: ListenerInput,
  base: TlsOptions,
  path: Path,
): TlsOptions | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (protocol !== "http") {
    const message = `is for requests, and this listener is ${protocol}`;
    report(context, path, { message, remedy: "say it in a route of tcpRoutes", at: "key" });
    return undefined;
  }
  return resolveTlsOptions(context, tls === true ? undefined : tls, path, base);
}

/** What a service grants connections that are carried as they are. */
export function streamTimeoutsOf(context: Context, service: string | undefined): StreamTimeouts {
  const { connect, tunnel } = { ...context.timeouts, ...timeoutsOf(context, service) };
  return { connect, idle: tunnel };
}

function serviceOf(context: Context, name: string, input: ListenerInput, path: Path) {
  const { protocol = "http", service } = input;
  if (service === undefined || protocol === "http") return undefined;
  return useService(context, service, {
    name,
    kind: "listener",
    protocol,
    path: [...path, "service"],
  });
}

/** Keys that say nothing for what comes there. */
function checkKeys(
  context: Context,
  protocol: Listener["protocol"],
  input: ListenerInput,
  path: Path,
): void {
  const refuse = (key: readonly string[], message: string, remedy: string) =>
    report(context, [...path, ...key], { message, remedy, at: "key" });
  if (protocol === "http" && input.service !== undefined) {
    const message = "requests go by routes";
    refuse(["service"], message, "add protocol: tcp for connections, or leave it out");
  }
  if (protocol !== "http" && input.middlewares !== undefined) {
    const message = `are for requests, and this listener is ${protocol}`;
    refuse(["middlewares"], message, "leave them out");
  }
  checkHttp2(input, refuse);
  if (protocol !== "udp" && input.datagrams !== undefined) {
    refuse(["datagrams"], `are of a udp listener, and this one is ${protocol}`, "leave it out");
  }
  if (protocol === "tcp" && input.timeouts?.idle !== undefined) {
    const remedy = "for the longest silence, write timeouts: { tunnel } in the service";
    refuse(["timeouts", "idle"], "is between two requests", remedy);
  }
  if (protocol !== "udp") return;
  if (input.timeouts !== undefined) {
    refuse(["timeouts"], "say nothing for datagrams", "write datagrams: { idle }");
  }
  if (input.proxyProtocol === true) {
    refuse(["proxyProtocol"], "comes before a connection, and datagrams have none", "leave it out");
  }
  if (input.service === undefined) {
    const message = "datagrams go nowhere";
    report(context, path, { message, remedy: "add service", at: "key" });
  }
  if (input.bind.some(({ kind }) => kind === "unix")) {
    const message = "datagrams come from the network";
    report(context, [...path, "bind"], { message, remedy: 'write ":53"' });
  }
}

/** Under TLS both sides say what they speak; in the clear the client just begins. */
function checkHttp2(
  { http2, h2c, tls = false, protocol = "http" }: ListenerInput,
  refuse: (key: readonly string[], message: string, remedy: string) => void,
): void {
  for (const key of ["http2", "h2c"] as const) {
    if (protocol === "http" || (key === "http2" ? http2 : h2c) === undefined) continue;
    refuse([key], `is for requests, and this listener is ${protocol}`, "leave it out");
    return;
  }
  if (http2 !== undefined && tls === false) {
    const remedy = http2 ? "write h2c: true" : "leave it out";
    refuse(["http2"], "is agreed on under TLS, and what comes here is in the clear", remedy);
  }
  if (h2c !== undefined && tls !== false) {
    refuse(["h2c"], "is HTTP/2 in the clear, and this listener has TLS", "write http2");
  }
}

/** Addresses by who already has them. */
type Owners = Map<string, string>;

export function ownersOf(
  controlSocket: string | undefined,
  { dockerProxyApi, proxyEtcApi }: Compat,
  admin: AdminSettings | undefined,
  { address: metrics }: MetricsSettings,
): Owners {
  const owners: Owners = new Map();
  if (admin !== undefined && admin.port !== 0)
    owners.set(keyOf({ kind: "tcp", host: admin.host, port: admin.port }), "admin.bind");
  if (metrics !== undefined && metrics.port !== 0)
    owners.set(keyOf({ kind: "tcp", ...metrics }), "metrics.bind");
  if (controlSocket !== undefined) owners.set(controlSocket, "controlSocket");
  if (dockerProxyApi !== undefined) owners.set(keyOf(dockerProxyApi), "compat.dockerProxyApi");
  if (proxyEtcApi !== undefined) owners.set(keyOf(proxyEtcApi), "compat.proxyEtcApi");
  return owners;
}

function keyOf(address: Address): string {
  if (address.kind === "unix") return address.path;
  return `${address.host === "::" ? "" : address.host}:${address.port}`;
}

/** Two that listen on one address: only one of them would ever get a connection. */
export function refuseSharedAddresses(
  context: Context,
  listeners: readonly Listener[],
  owners: Owners,
): void {
  for (const { name, bind, protocol } of listeners) {
    const self = `the listener ${name}`;
    for (const address of bind) {
      if (address.kind === "tcp" && address.port === 0) continue;
      const shown = keyOf(address);
      // The numbers of UDP ports are others than those of TCP.
      const key = protocol === "udp" ? `udp ${shown}` : shown;
      const owner = owners.get(key);
      if (owner === undefined) {
        owners.set(key, self);
        continue;
      }
      const message =
        owner === self ? `${shown} is there twice` : `${shown} already belongs to ${owner}`;
      report(context, ["listeners", name], { message, remedy: "leave out one of them" });
    }
  }
}

/** Where clients find https; undefined = where they look for it, or nowhere that could be said. */
export function securePortOf(listeners: readonly Listener[]): number | undefined {
  const ports = listeners
    .filter(({ tls, protocol }) => tls !== undefined && protocol === "http")
    .flatMap(({ bind }) => bind.map((each) => (each.kind === "tcp" ? each.port : 0)));
  return ports.includes(443) ? undefined : ports.find((each) => each > 0);
}
