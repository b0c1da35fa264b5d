// A route of `tcpRoutes` as the file says it → as the Snapshot holds it, and whether listeners and routes
// of TCP find each other.

import { isIPv4 } from "node:net";
import { normaliseHostPattern } from "../lib/host.ts";
import { nearest } from "../lib/nearest.ts";
import { given, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { TcpRouteInput } from "./listener-schema.ts";
import { checkNames } from "./certified.ts";
import { pairOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import { streamTimeoutsOf } from "./resolve-listener.ts";
import { parseRule } from "./rule.ts";
import type { Rule } from "./rule.ts";
import { useService } from "./service-graph.ts";
import type { Listener, StreamRoute, StreamTls } from "./snapshot.ts";
import { dataAt } from "./source.ts";

export interface ListenerNames {
  /** Also of those that are wrong themselves. */
  readonly names: ReadonlySet<string>;
  readonly listeners: readonly Listener[];
}

interface Named {
  readonly name: string;
  readonly input: TcpRouteInput;
  readonly path: Path;
}

/** undefined after it reported a problem. */
export function resolveStreamRoute(
  context: Context,
  { name, input, path }: Named,
  known: ListenerNames,
): StreamRoute | undefined {
  const rule = ruleOf(context, input, path);
  checkListeners(context, input, path, known);
  const owner = { name, kind: "tcpRoute", protocol: "tcp" } as const;
  const service = useService(context, input.service, { ...owner, path: [...path, "service"] });
  const tls = tlsOf(context, input.tls, [...path, "tls"]);
  if (rule === undefined || service === undefined) return undefined;
  if (tls?.issued !== undefined) checkNames(context, rule, [...path, "tls"]);
  const { connect, tunnel } = given(input.timeouts);
  return {
    name,
    origin: context.originOf(path),
    listeners: input.listener,
    rule,
    priority: input.priority,
    service,
    tls,
    timeouts: { ...streamTimeoutsOf(context, service), ...given({ connect, idle: tunnel }) },
  };
}

function tlsOf(context: Context, input: TcpRouteInput["tls"], path: Path): StreamTls | undefined {
  if (input === undefined || input === false) return undefined;
  if (input === true) return { own: undefined };
  if (typeof input === "string") return { own: undefined, issued: input };
  const own = pairOf(context, input, path);
  return own === undefined ? undefined : { own };
}

const conditions = ["sni", "alpn", "clientIp"] as const;

function ruleOf(context: Context, input: TcpRouteInput, path: Path): Rule | undefined {
  if (input.rule !== undefined) {
    for (const other of conditions) {
      if (input[other] === undefined) continue;
      const message = `${other} does not go together with rule`;
      report(context, [...path, other], { message, remedy: "say it in the rule", at: "key" });
    }
    const result = parseRule(input.rule, "stream");
    if (result.kind === "rule") return result.rule;
    report(context, [...path, "rule"], { message: result.why, offset: result.at });
    return undefined;
  }
  const { sni, alpn = [], clientIp = [] } = input;
  const hosts = sni === undefined ? [] : hostsOf(context, sni, [...path, "sni"]);
  if (hosts === undefined) return undefined;
  const rules: Rule[] = [
    ...either(hosts.map((host) => ({ kind: "hostSni", host }))),
    ...either(alpn.map((protocol) => ({ kind: "alpn", protocol }))),
    ...either(clientIp.map((network) => ({ kind: "clientIp", network }))),
  ];
  const [only, ...more] = rules;
  // Without a condition it claims every connection, as HostSNI(`*`) does.
  if (only === undefined) return { kind: "hostSni", host: "*" };
  return more.length === 0 ? only : { kind: "all", rules };
}

function either(rules: readonly Rule[]): Rule[] {
  return rules.length > 1 ? [{ kind: "any", rules }] : [...rules];
}

/** Names as a TLS client sends them: RFC 6066 section 3 knows no addresses. */
function hostsOf(context: Context, texts: readonly string[], path: Path): string[] | undefined {
  const hosts = texts.map((text, index) => {
    const host = normaliseHostPattern(text);
    if (host !== undefined && !host.startsWith("[") && !isIPv4(host)) return host;
    const isList = Array.isArray(dataAt(context.source, path));
    const message = `${JSON.stringify(text)} is not a name that TLS clients ask for`;
    const remedy = 'write a name, "*.NAME" or "*"';
    report(context, isList ? [...path, index] : path, { message, remedy });
    return undefined;
  });
  const good = hosts.filter((host) => host !== undefined);
  return good.length < hosts.length ? undefined : good;
}

function checkListeners(
  context: Context,
  input: TcpRouteInput,
  path: Path,
  { names, listeners }: ListenerNames,
): void {
  const place = [...path, "listener"];
  const isList = Array.isArray(dataAt(context.source, place));
  for (const [index, name] of (input.listener ?? []).entries()) {
    const at = isList ? [...place, index] : place;
    if (!names.has(name)) {
      const near = nearest(name, names);
      const remedy = near === undefined ? "add it under listeners" : `write ${near}`;
      report(context, at, { message: `there is no listener ${JSON.stringify(name)}`, remedy });
      continue;
    }
    const found = listeners.find((each) => each.name === name);
    if (found === undefined || found.protocol === "tcp") continue;
    const message = `the listener ${name} is ${found.protocol}`;
    report(context, at, { message, remedy: "add protocol: tcp there, or name another" });
  }
}

/** Listeners whose connections go nowhere, and routes that no connection reaches. */
export function checkStreams(
  context: Context,
  listeners: readonly Listener[],
  routes: readonly StreamRoute[],
): void {
  const tcp = listeners.filter(({ protocol }) => protocol === "tcp");
  // A route that is wrong itself was told of already.
  const isWhole = !hasBrokenRoute(context, routes);
  for (const { name, service } of tcp) {
    const isWritten = dataAt(context.source, ["listeners", name, "service"]) !== undefined;
    const hasRoute = routes.some((route) => route.listeners?.includes(name) ?? true);
    if (service !== undefined || isWritten || hasRoute || !isWhole) continue;
    const message = "connections go nowhere";
    const remedy = "add service, or a route under tcpRoutes";
    report(context, ["listeners", name], { message, remedy, at: "key" });
  }
  const [first] = routes;
  if (first === undefined || tcp.length > 0 || first.listeners !== undefined) return;
  const remedy = 'add one, such as tls: { bind: ":443", protocol: tcp }';
  report(context, ["tcpRoutes"], { message: "there is no tcp listener", remedy, at: "key" });
}

function hasBrokenRoute(context: Context, routes: readonly StreamRoute[]): boolean {
  const written = dataAt(context.source, ["tcpRoutes"]);
  const count = typeof written === "object" && written !== null ? Object.keys(written).length : 0;
  return routes.length < count;
}
