// `proxy_pass` and `grpc_pass` with what belongs to them: the address, the path it puts in the place of the location's, the Host that
// backends see, and times.

import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { literal } from "../../providers/labels/rule-text.ts";
import type { Directive, Scope } from "./tree.ts";
import { backendTlsOf } from "./backend-tls.ts";
import { containerKey, withContainer } from "../own-path.ts";
import type { Upstreams } from "./upstreams.ts";
import { backendUrl } from "./upstreams.ts";
import { sizeOf, timeOf, withVariables } from "./values.ts";

export interface Target {
  readonly scheme: "http" | "https" | "h2c" | "grpcs";
  /** HOST[:PORT], a name of an upstream, or unix:/PATH. */
  readonly address: string;
  /** undefined = the path stays as it is. */
  readonly path: string | undefined;
}

/** What the names of directives begin with that belong to it. */
export function protocolOf({ scheme }: Target): "proxy" | "grpc" {
  return scheme === "h2c" || scheme === "grpcs" ? "grpc" : "proxy";
}

/** Of `grpc_pass`; undefined = it depends on variables, or is not understood. */
export function grpcTargetOf({ args: [text = ""] }: Directive): Target | undefined {
  const [, scheme = "grpc", address = ""] = /^(?:(grpcs?):\/\/)?(.+)$/i.exec(text) ?? [];
  if (!/^(?:unix:\/[^:\s$]+|(?:\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?)$/i.test(address))
    return undefined;
  const isSecure = scheme.toLowerCase() === "grpcs";
  return { scheme: isSecure ? "grpcs" : "h2c", address, path: undefined };
}

/** undefined = it depends on variables, has a query, or is not understood. */
export function targetOf(pass: Directive, scope: Scope): Target | undefined {
  const known = new Map<string, string>();
  for (const { args } of scope.every("set")) {
    const [name = "", value = ""] = args;
    if (!value.includes("$")) known.set(name.replace(/^\$/, ""), value);
  }
  const text = withVariables(pass.args[0] ?? "", known);
  const hadVariables = (pass.args[0] ?? "").includes("$");
  const [, scheme, rest = ""] = /^(https?):\/\/(.+)$/i.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const [, socket, ofSocket] = /^(unix:\/[^:\s$]+)(?::(.*))?$/.exec(rest) ?? [];
  const [, host, ofHost] = /^((?:\[[^\]]+\])?[^/$]*)(.*)$/.exec(rest) ?? [];
  const address = socket ?? host ?? "";
  const path = socket === undefined ? ofHost : ofSocket;
  const kind = scheme.toLowerCase() === "https" ? "https" : "http";
  // With variables in it nginx passes the path as it is said there, and these two are the whole.
  if (path === "$request_uri" || path === "$uri") return { scheme: kind, address, path: undefined };
  if (path === undefined || path === "") return { scheme: kind, address, path: undefined };
  if (/[?$]/.test(path) || (hadVariables && path !== "/")) return undefined;
  return { scheme: kind, address, path };
}

/** Keys of the route that change the path. */
export function pathChange(target: Target, prefix: string, isExact: boolean): Settings {
  const { path } = target;
  if (path === undefined || (path === prefix && !isExact)) return {};
  const isFolder = prefix.endsWith("/") && path.endsWith("/") && !isExact;
  if (isFolder && prefix !== "/" && path === "/") return { stripPrefix: prefix.slice(0, -1) };
  if (isFolder && prefix === "/") return { addPrefix: path.slice(0, -1) };
  if (isFolder) {
    return { replacePrefix: { from: prefix.slice(0, -1), to: path.slice(0, -1) } };
  }
  const pattern = `^${literal(prefix)}${isExact ? "$" : ""}`;
  return { replacePath: { pattern, replacement: path.replaceAll("$", "$$$$") } };
}

/** What a route says as `service`. */
export function serviceOf(
  target: Target,
  scope: Scope,
  { upstreams, outline, place }: { upstreams: Upstreams; outline: Outline; place: Directive },
): unknown {
  const { scheme, address } = target;
  const isUpstream = upstreams.has(address);
  const protocol = protocolOf(target);
  const isSecure = scheme === "https" || scheme === "grpcs";
  const secure = isSecure ? backendTlsOf(scope, outline, place, protocol) : {};
  const host = hostOf(scope, isUpstream ? address : undefined, protocol);
  const extra = { ...host, ...secure };
  if (isUpstream) return upstreams.service(address, scheme, extra);
  const written = backendUrl(address, scheme);
  if (written === undefined) {
    outline.note(`${protocol}_pass: ${shown(address)} is no address`, place);
    return undefined;
  }
  const own = withContainer([written]);
  const [url = written] = own?.urls ?? [];
  const more = { ...containerKey(own?.container), ...extra };
  return Object.keys(more).length === 0 ? url : { ...more, backends: [url] };
}

/** What backends are called; empty = as clients called us. */
export function hostOf(
  scope: Scope,
  upstream: string | undefined,
  protocol: "proxy" | "grpc" = "proxy",
): Settings {
  const all = scope.all(`${protocol}_set_header`);
  const set = all.findLast(({ args }) => /^host$/i.test(args[0] ?? ""));
  const value = set?.args[1] ?? "$proxy_host";
  if (/^\$\{?(host|http_host|server_name)\}?(:\$\{?server_port\}?)?$/.test(value)) return {};
  // Of nginx's own name for a group backends usually know nothing; it is what they got, though.
  if (value === "$proxy_host" || value === "$proxy_host:$proxy_port") {
    if (upstream === undefined) return { host: "backend" };
    return /^[\w.-]+$/.test(upstream) ? { host: { value: upstream } } : { host: "backend" };
  }
  return /^[\w.-]+(:\d{1,5})?$/.test(value) ? { host: { value } } : {};
}

export function tellHost(scope: Scope, outline: Outline, protocol: "proxy" | "grpc"): void {
  for (const directive of scope.all(`${protocol}_set_header`)) {
    const [name = "", value = ""] = directive.args;
    if (/^host$/i.test(name) && !isHostKnown(value)) {
      outline.note(`${directive.name} Host ${shown(value)}: the client's is sent`, directive);
    }
  }
}

function isHostKnown(value: string): boolean {
  return /^[\w.-]+(:\d{1,5})?$|^\$\{?(host|http_host|server_name|proxy_host)\b/.test(value);
}

/** Times and the size of bodies, as a route says them; `protocol` is what nginx's names of times begin with. */
export function limitsOf(scope: Scope, usualBody: string, protocol = "proxy"): Settings {
  const time = (name: string) => timeOf(scope.one(`${protocol}_${name}`)?.args[0] ?? "");
  const read = time("read_timeout");
  // Streams of gRPC may pause as long as WebSockets.
  const isTunnel =
    protocol === "grpc" ||
    scope.all("proxy_set_header").some(({ args }) => /^upgrade$/i.test(args[0] ?? ""));
  const found: readonly (readonly [string, string | undefined])[] = [
    ["connect", time("connect_timeout")],
    ["response", read],
    ["responseBody", read],
    ["body", time("send_timeout")],
    ["tunnel", isTunnel ? read : undefined],
  ];
  const timeouts = found.filter(([, value]) => value !== undefined);
  const body = sizeOf(scope.one("client_max_body_size")?.args[0] ?? "");
  return {
    ...(timeouts.length === 0 ? {} : { timeouts: Object.fromEntries(timeouts) }),
    ...(body === undefined || body === usualBody ? {} : { maxBody: sizeNumber(body) }),
  };
}

/** 0 as a number, as one writes it. */
function sizeNumber(text: string): string | number {
  return /^0+[kmg]?$/i.test(text) ? 0 : text;
}
