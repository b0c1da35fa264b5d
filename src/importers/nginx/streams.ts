// `stream` of nginx: servers for connections and datagrams, and names that a TLS client asks for (`ssl_preread` with a
// map) as TCP routes.

import { both, call, either } from "../../providers/labels/rule-text.ts";
import type { Outline, Settings } from "../outline.ts";
import { shown } from "../outline.ts";
import { backendTlsOf } from "./backend-tls.ts";
import { certificatesOf } from "./tls.ts";
import { clientAuthOf } from "./client-auth.ts";
import { accessOf } from "./guards.ts";
import { listensOf } from "./names.ts";
import type { Directive } from "./tree.ts";
import { Scope } from "./tree.ts";
import { backendUrl, Upstreams } from "./upstreams.ts";
import { timeOf } from "./values.ts";

/** Returns the certificates of those that end TLS, as `tls.certificates` lists them. */
export function addStreams(stream: Directive, outline: Outline): Settings[] {
  const inside = stream.block ?? [];
  const upstreams = new Upstreams(inside, outline);
  tellOthers(stream, outline);
  const maps = new Map(
    inside.filter(({ name }) => name === "map").map((each) => [each.args[1] ?? "", each] as const),
  );
  const certificates: Settings[] = [];
  for (const server of inside) {
    if (server.name !== "server") continue;
    const scope = new Scope([inside, server.block ?? []]);
    addStream(server, scope, { outline, upstreams, maps, certificates });
  }
  return certificates;
}

interface Around {
  readonly outline: Outline;
  readonly upstreams: Upstreams;
  readonly maps: ReadonlyMap<string, Directive>;
  readonly certificates: Settings[];
}

function addStream(server: Directive, scope: Scope, around: Around): void {
  const { outline, maps } = around;
  const [pass] = scope.own("proxy_pass");
  const listens = listensOf(scope, outline);
  if (pass === undefined) {
    outline.note("this server passes nothing on, and is left out", server);
    return;
  }
  const isSecure = listens.some((each) => each.isSecure);
  if (isSecure && clientAuthOf(scope, outline).kind !== "none") {
    const text =
      "ssl_verify_client: certificates of clients are asked for by name (tls.hosts), so that this server is left out";
    outline.note(text, server);
    return;
  }
  tellOthers(server, outline);
  const isDatagram = listens.some((each) => each.isDatagram);
  const { allowed } = accessOf(scope, outline);
  if (isDatagram && allowed !== undefined) {
    const text =
      "allow and deny: who may send datagrams cannot be said, so that this server is left out";
    outline.note(text, server);
    return;
  }
  const scheme = isDatagram ? "udp" : scope.one("proxy_ssl")?.args[0] === "on" ? "tls" : "tcp";
  const secured = scheme === "tls" ? backendTlsOf(scope, outline, pass) : {};
  const extra = { ...settingsOf(scope), ...secured };
  const tls = isSecure ? { tls: true } : {};
  if (isSecure) around.certificates.push(...certificatesOf(scope, { directive: server }, outline));
  const target = pass.args[0] ?? "";
  const map = maps.get(target);
  const [first] = listens;
  if (first === undefined) return;
  const base = {
    bind: listens.length === 1 ? first.bind : listens.map(({ bind }) => bind),
    protocol: isDatagram ? "udp" : "tcp",
    ...(listens.some(({ isProxied }) => isProxied) ? { proxyProtocol: true } : {}),
  };
  if (map !== undefined && !isDatagram) {
    addBySni(map, { base, scheme, extra, tls, port: first.port, allowed }, around);
    return;
  }
  const service = serviceOf(target, { scheme, extra }, around);
  if (service === undefined) {
    outline.note(`proxy_pass ${shown(target)}: is not understood, and its server left out`, pass);
    return;
  }
  if (base.proxyProtocol === true) tellProxied(server, outline);
  const name = `stream-${first.port}`;
  if (allowed === undefined && !isSecure) outline.add("listeners", name, { ...base, service });
  else {
    const listener = outline.add("listeners", name, base);
    const claim = allowed === undefined ? { sni: "*" } : { rule: allowed };
    outline.add("tcpRoutes", name, { listener, ...claim, service, ...tls });
  }
}

function tellProxied(server: Directive, outline: Outline): void {
  const text = "proxy_protocol: name the proxies in front in trustedProxies, or nobody gets in";
  outline.note(text, server);
}

interface Sni {
  readonly base: Settings;
  readonly scheme: string;
  readonly extra: Settings;
  /** Of the route, where TLS ends here. */
  readonly tls: Settings;
  readonly port: number;
  /** A rule of ours; undefined = everybody. */
  readonly allowed: string | undefined;
}

function addBySni(
  map: Directive,
  { base, scheme, extra, tls, port, allowed }: Sni,
  around: Around,
): void {
  const { outline } = around;
  const lines = map.block ?? [];
  const isEnding = Object.keys(tls).length > 0;
  if ((map.args[0] ?? "") !== (isEnding ? "$ssl_server_name" : "$ssl_preread_server_name")) {
    const text =
      "a map of anything but $ssl_preread_server_name, or $ssl_server_name where TLS ends here, is not carried over";
    outline.note(text, map);
    return;
  }
  const last = lines.find(({ name }) => name === "default");
  const fallback =
    last === undefined ? undefined : serviceOf(last.args[0] ?? "", { scheme, extra }, around);
  const isOpen = allowed === undefined && fallback !== undefined && !isEnding;
  const listener = outline.add("listeners", `stream-${port}`, {
    ...base,
    ...(isOpen ? { service: fallback } : {}),
  });
  if (!isOpen && fallback !== undefined) {
    const claim = allowed === undefined ? { sni: "*" } : { rule: allowed };
    outline.add("tcpRoutes", "others", { listener, ...claim, service: fallback, ...tls });
  }
  for (const each of lines) {
    const { name, args } = each;
    if (["default", "hostnames", "volatile"].includes(name)) continue;
    const service = serviceOf(args[0] ?? "", { scheme, extra }, around);
    const names = name.startsWith(".") ? [name.slice(1), `*${name}`] : [name];
    const isKnown = names.every((host) => /^(\*\.)?[\w-]+(\.[\w-]+)*$/.test(host));
    const isPattern = name.startsWith("~");
    if (service === undefined || (!isKnown && !isPattern)) {
      outline.note(`${shown(name)} of the map is not carried over`, each);
      continue;
    }
    const rule = isPattern
      ? call("HostSNIRegexp", name.replace(/^~\*?/, "(?i)"))
      : either(names.map((host) => call("HostSNI", host)));
    const isPlain = !isPattern && allowed === undefined;
    const claim = isPlain
      ? { sni: names.length === 1 ? name : names }
      : { rule: both(rule, allowed) };
    outline.add("tcpRoutes", isPattern ? "pattern" : name, { listener, ...claim, service, ...tls });
  }
}

function serviceOf(
  target: string,
  { scheme, extra }: Pick<Sni, "scheme" | "extra">,
  { upstreams }: Around,
): unknown {
  if (target.includes("$")) return undefined;
  if (upstreams.has(target)) return upstreams.service(target, scheme, extra);
  const url = backendUrl(target, scheme);
  if (url === undefined) return undefined;
  return Object.keys(extra).length === 0 ? url : { backends: [url], ...extra };
}

function settingsOf(scope: Scope): Settings {
  const connect = timeOf(scope.one("proxy_connect_timeout")?.args[0] ?? "");
  const tunnel = timeOf(scope.one("proxy_timeout")?.args[0] ?? "");
  const timeouts = {
    ...(connect === undefined ? {} : { connect }),
    ...(tunnel === undefined ? {} : { tunnel }),
  };
  return {
    ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
    ...(scope.one("proxy_protocol")?.args[0] === "on" ? { proxyProtocol: "v1" } : {}),
  };
}

const known = new Set([
  ...["listen", "proxy_pass", "ssl_preread", "proxy_timeout", "proxy_connect_timeout", "proxy_ssl"],
  ...["proxy_protocol", "preread_timeout", "proxy_buffer_size", "access_log", "error_log"],
  ...[
    "server",
    "upstream",
    "map",
    "log_format",
    "allow",
    "deny",
    "tcp_nodelay",
    "proxy_socket_keepalive",
    "proxy_responses",
    "server_name",
  ],
  ...["ssl_certificate", "ssl_certificate_key", "ssl_verify_client", "proxy_ssl_verify"],
  ...["proxy_ssl_name", "proxy_ssl_trusted_certificate", "proxy_ssl_certificate"],
  ...["proxy_ssl_certificate_key", "proxy_ssl_server_name", "proxy_ssl_session_reuse"],
]);

function tellOthers({ block = [] }: Directive, outline: Outline): void {
  for (const directive of block) {
    const { name } = directive;
    if (known.has(name)) continue;
    const text = name.startsWith("ssl_") ? "see tls" : "is not carried over";
    outline.note(`${name}: ${text}`, directive);
  }
}
