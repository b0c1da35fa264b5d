// `tidegate import nginx FILE`: nginx.conf, one site of it, or a bare snippet of locations.

import { basename } from "node:path";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import type { Listen } from "./nginx/names.ts";
import { listensOf, namesOf } from "./nginx/names.ts";
import { withAddresses, withConditions, withDefaults } from "./nginx/reach.ts";
import type { Server } from "./nginx/server.ts";
import { addServer, isHttpsOnly } from "./nginx/server.ts";
import { addStreams } from "./nginx/streams.ts";
import { tellStrangers } from "./nginx/strangers.ts";
import type { Directive } from "./nginx/tree.ts";
import { readTree, Scope } from "./nginx/tree.ts";
import { Upstreams } from "./nginx/upstreams.ts";
import { sizeOf, timeOf } from "./nginx/values.ts";
import { Outline } from "./outline.ts";

export function importNginx(file: string): Imported {
  const outline = new Outline();
  const tree = readTree(file, outline);
  const http = tree.filter(({ name }) => name === "http").flatMap(({ block = [] }) => block);
  // A site of its own is what stands within http { }.
  const inside = http.length > 0 ? http : tree;
  const streams = tree.filter(({ name }) => name === "stream");
  const servers = serversOf(inside, { file, outline });
  if (servers.length === 0 && streams.length === 0) {
    throw new NotImported(`${file} has no server, location or stream: is it a file of nginx?`);
  }
  addProgram(tree, outline);
  tellStrangers(tree, outline);
  if (inside !== tree) tellStrangers(inside, outline);
  if (servers.length > 0) addSites(inside, servers, outline);
  for (const stream of streams) addStreams(stream, outline);
  return outline.finish();
}

function serversOf(
  inside: readonly Directive[],
  { file, outline }: { readonly file: string; readonly outline: Outline },
): Server[] {
  const directives = inside.filter(({ name }) => name === "server");
  const hasLocations = directives.length === 0 && inside.some(({ name }) => name === "location");
  if (hasLocations) {
    const directive = { name: basename(file), args: [], block: inside, file, line: 1 };
    const scope = new Scope([inside]);
    const names = { hosts: [], patterns: [] };
    outline.note("it has locations alone, and names no host: they are for all of them");
    const listens = listensOf(scope, outline);
    return [{ directive, scope, names, listens, isDefault: true, condition: "", isSnippet: true }];
  }
  return directives.map((directive) => {
    const scope = new Scope([inside, directive.block ?? []]);
    return {
      directive,
      scope,
      listens: listensOf(scope, outline),
      names: namesOf(scope, outline),
      isDefault: false,
      condition: "",
      isSnippet: false,
    };
  });
}

function addProgram(tree: readonly Directive[], outline: Outline): void {
  const scope = new Scope([tree]);
  const workers = scope.one("worker_processes")?.args[0] ?? "";
  if (/^[1-9]\d{0,2}$/.test(workers)) outline.set("workers", Number(workers));
  const user = scope.one("user")?.args[0] ?? "";
  if (/^[a-z_][\w-]*$/i.test(user) && user !== "root") {
    outline.note(`user ${user}: is not carried over; say user where another one shall serve`);
  }
}

// As nginx has it without the directive.
const usualBody = "1m";

function addSites(inside: readonly Directive[], given: readonly Server[], outline: Outline): void {
  const scope = new Scope([inside]);
  const body = sizeOf(scope.one("client_max_body_size")?.args[0] ?? "") ?? usualBody;
  if (!/^0+[kmg]?$/i.test(body)) outline.set("limits", { maxBody: body });
  const idle = timeOf(scope.one("keepalive_timeout")?.args[0] ?? "");
  if (idle !== undefined && idle !== "0") outline.set("timeouts", { idle });
  addListeners(given, outline);
  const apart = withConditions(withDefaults(withoutTwins(given, outline)), outline);
  const servers = withAddresses(apart, outline);
  const upstreams = new Upstreams(inside, outline);
  const names = {
    hosts: [...new Set(servers.flatMap((each) => each.names.hosts))],
    patterns: [...new Set(servers.flatMap((each) => each.names.patterns))],
  };
  for (const server of servers) {
    addServer(server, { outline, upstreams, everybody: names, usualBody: body });
  }
  upstreams.tellUnused();
}

/** Without TLS, those that have it cannot be there; a server that has nothing else gets a plain port to try it. */
function addListeners(servers: readonly Server[], outline: Outline): void {
  const listens = servers.flatMap((server) => server.listens);
  const plain = new Map<string, Listen>();
  const secure = new Map<string, Listen>();
  for (const each of listens) (each.isSecure ? secure : plain).set(each.bind, each);
  if (plain.size === 0) plain.set(":80", { ...usual, bind: ":80", port: 80 });
  for (const [bind, { port, isProxied }] of plain) {
    if (isProxied) {
      outline.note(`listen ${bind} proxy_protocol: name the proxies in front in trustedProxies`);
    }
    const name =
      port === 80 && outline.get("listeners", "web") === undefined ? "web" : `web-${port}`;
    outline.add("listeners", name, isProxied ? { bind, proxyProtocol: true } : bind);
  }
  if (secure.size === 0) return;
  outline.note("listen … ssl: TLS is not there yet; what the listeners will be is at the end");
  outline.later("For later, below listeners:");
  const scopes = servers.map(({ scope }) => scope);
  for (const [bind, { port }] of secure) {
    const pairs = scopes.map((scope) => scope.one("ssl_certificate")?.args[0] ?? "");
    const cert = pairs.find((each) => each !== "") ?? "CERTIFICATE.pem";
    const keys = scopes.map((scope) => scope.one("ssl_certificate_key")?.args[0] ?? "");
    const key = keys.find((each) => each !== "") ?? "KEY.pem";
    outline.later(`  https-${port}: ${JSON.stringify({ bind, tls: { cert, key } })}`);
  }
}

const usual = { isSecure: false, isDefault: false, isProxied: false, isDatagram: false };

/** A server that only sends to https makes room for the one that is there. */
function withoutTwins(servers: readonly Server[], outline: Outline): Server[] {
  const isSecureOnly = (server: Server) => server.listens.every(({ isSecure }) => isSecure);
  const secureHosts = new Set(
    servers
      .filter((server) => server.listens.some(({ isSecure }) => isSecure))
      .filter((server) => !isHttpsOnly(server))
      .flatMap(({ names }) => [...names.hosts, ...names.patterns]),
  );
  return servers.filter((server) => {
    if (isSecureOnly(server) || !isHttpsOnly(server)) return true;
    const names = [...server.names.hosts, ...server.names.patterns];
    const isTwin =
      names.length === 0 ? secureHosts.size > 0 : names.every((each) => secureHosts.has(each));
    if (!isTwin || server.listens.some(({ isSecure }) => isSecure)) return true;
    const text =
      "it sends everybody to https, and is left out; add forceHttps: true to the routes once there is TLS";
    outline.note(text, server.directive);
    return false;
  });
}
