// `tidegate import nginx FILE`: nginx.conf, one site of it, or a bare snippet of locations.

import { basename, dirname } from "node:path";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import { withProviders } from "./containers.ts";
import { withClientAuth } from "./nginx/client-auth.ts";
import { isCertificateTest, isSchemeTest } from "./nginx/conditions.ts";
import type { Listen } from "./nginx/names.ts";
import { listensOf, namesOf } from "./nginx/names.ts";
import { withAddresses, withConditions, withDefaults } from "./nginx/reach.ts";
import type { Server } from "./nginx/server.ts";
import { addServer, isHttpsOnly, keepsMethod } from "./nginx/server.ts";
import { addStreams } from "./nginx/streams.ts";
import { addTls, isRejecting } from "./nginx/tls.ts";
import { tellStrangers } from "./nginx/strangers.ts";
import type { Directive } from "./nginx/tree.ts";
import { readTree, Scope } from "./nginx/tree.ts";
import { Upstreams } from "./nginx/upstreams.ts";
import { sizeOf, timeOf } from "./nginx/values.ts";
import type { Settings } from "./outline.ts";
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
  const certificates = streams.flatMap((stream) => addStreams(stream, outline));
  if (servers.length > 0) addSites(inside, { given: servers, certificates }, outline);
  else if (certificates.length > 0) outline.set("tls", { certificates });
  return withProviders(outline);
}

function serversOf(
  inside: readonly Directive[],
  { file, outline }: { readonly file: string; readonly outline: Outline },
): Server[] {
  const directives = inside.filter(({ name }) => name === "server");
  const hasLocations = directives.length === 0 && inside.some(({ name }) => name === "location");
  if (hasLocations) {
    const directive = {
      name: basename(file),
      args: [],
      block: inside,
      file,
      line: 1,
      root: dirname(file),
    };
    const scope = new Scope([inside]);
    const names = { hosts: [], patterns: [] };
    outline.note("it has locations alone, and names no host: they are for all of them");
    const listens = listensOf(scope, outline);
    const isDefault = true;
    return [{ ...plain, directive, at: 0, scope, names, listens, isDefault, isSnippet: true }];
  }
  const servers = directives.map((directive, at) => {
    const scope = new Scope([inside, directive.block ?? []]);
    const listens = listensOf(scope, outline);
    return { ...plain, directive, at, scope, listens, names: namesOf(scope, outline) };
  });
  // Of all who listen at an address it is enough that one says `ssl`.
  const all = servers.flatMap(({ listens }) => listens.filter(({ isSecure }) => isSecure));
  const secure = new Set(all.map(({ bind }) => bind));
  return servers.map((server) => ({
    ...server,
    listens: server.listens.map((each) => ({ ...each, isSecure: secure.has(each.bind) })),
  }));
}

/** Of a server, until more is known. */
const plain = {
  ...{ isDefault: false, condition: "", isSnippet: false },
  ...{ isForced: false, shut: undefined, clientAuth: undefined },
};

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

interface Sites {
  readonly given: readonly Server[];
  /** Of streams, beside those of servers. */
  readonly certificates: readonly Settings[];
}

function addSites(
  inside: readonly Directive[],
  { given, certificates }: Sites,
  outline: Outline,
): void {
  const scope = new Scope([inside]);
  const body = sizeOf(scope.one("client_max_body_size")?.args[0] ?? "") ?? usualBody;
  if (!/^0+[kmg]?$/i.test(body)) outline.set("limits", { maxBody: body });
  const idle = timeOf(scope.one("keepalive_timeout")?.args[0] ?? "");
  if (idle !== undefined && idle !== "0") outline.set("timeouts", { idle });
  const speaking = withoutRejecting(given, outline);
  const isStrict = given.some((each) => isRejecting(each.scope) && namesIn(each).length === 0);
  const { kept, dropped, sent } = withoutTwins(speaking, outline);
  const locked = withClientAuth(withDefaults(kept, { dropped, isStrict }), outline);
  addListeners(given, locked.common, outline);
  addTls(locked, { certificates }, { around: scope, isStrict, outline });
  const forced = withForced(locked.servers, { given, dropped, sent, outline });
  const servers = withAddresses(withConditions(forced, outline), outline);
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

function addListeners(
  servers: readonly Server[],
  clientAuth: Settings | undefined,
  outline: Outline,
): void {
  const binds = new Map<string, Listen>();
  for (const each of servers.flatMap((server) => server.listens)) {
    const before = binds.get(each.bind);
    const isProxied = before?.isProxied === true || each.isProxied;
    const isTwo = before?.isTwo === true || each.isTwo;
    binds.set(each.bind, { ...each, isProxied, isTwo });
  }
  if (binds.size === 0) binds.set(":80", { ...usual, bind: ":80", port: 80 });
  for (const [bind, { port, isProxied, isSecure, isTwo }] of binds) {
    if (isProxied) {
      outline.note(`listen ${bind} proxy_protocol: name the proxies in front in trustedProxies`);
    }
    const [kind, own] = isSecure ? ["secure", 443] : ["web", 80];
    const isUsual = port === own && outline.get("listeners", kind) === undefined;
    const more = {
      ...(isProxied ? { proxyProtocol: true } : {}),
      ...(isSecure ? { tls: clientAuth === undefined ? true : { clientAuth } } : {}),
      // With TLS it is spoken anyway.
      ...(isTwo && !isSecure ? { h2c: true } : {}),
    };
    const isPlain = Object.keys(more).length === 0;
    outline.add(
      "listeners",
      isUsual ? kind : `${kind}-${port}`,
      isPlain ? bind : { bind, ...more },
    );
  }
}

const usual = {
  ...{ isSecure: false, isDefault: false, isProxied: false, isDatagram: false },
  isTwo: false,
};

/** Without those that refuse whoever asks for a name that nobody has. */
function withoutRejecting(servers: readonly Server[], outline: Outline): Server[] {
  return servers.flatMap((server) => {
    if (!isRejecting(server.scope) || !isSecureOnly(server)) return [server];
    const { hosts, patterns } = server.names;
    if (hosts.length + patterns.length === 0) return [];
    const text =
      "ssl_reject_handshake: of names, handshakes are not refused; requests for them answer 503";
    outline.note(text, server.directive);
    return [{ ...server, shut: "connections for this name are refused." }];
  });
}

function isSecureOnly({ listens }: Server): boolean {
  return listens.length > 0 && listens.every(({ isSecure }) => isSecure);
}

interface Twins {
  readonly kept: Server[];
  readonly dropped: Server[];
  /** Names of which one server says that they are sent to https, and another that they are there. */
  readonly sent: ReadonlySet<string>;
}

/** A server that only sends to https makes room for the one that is there, name by name: at our listeners with TLS it would go on sending. */
function withoutTwins(servers: readonly Server[], outline: Outline): Twins {
  const secureHosts = new Set(
    servers
      .filter((server) => server.listens.some(({ isSecure }) => isSecure))
      .filter((server) => !isHttpsOnly(server))
      .flatMap(namesIn),
  );
  const dropped: Server[] = [];
  const sent = new Set<string>();
  const kept = servers.flatMap((server) => {
    if (!isHttpsOnly(server) || server.listens.some(({ isSecure }) => isSecure)) return [server];
    const names = namesIn(server);
    const there = names.filter((each) => secureHosts.has(each));
    const isNameless = names.length === 0 && servers.some((each) => isSecureOnly(each));
    if (there.length === 0 && !isNameless) return [server];
    for (const name of there) sent.add(name);
    outline.note(keepsMethod, server.directive);
    if (there.length < names.length) return [withoutNames(server, sent)];
    dropped.push(server);
    return [];
  });
  return { kept, dropped, sent };
}

function withoutNames(server: Server, names: ReadonlySet<string>): Server {
  const left = (all: readonly string[]) => all.filter((each) => !names.has(each));
  const { hosts, patterns } = server.names;
  return { ...server, names: { hosts: left(hosts), patterns: left(patterns) } };
}

function namesIn({ names }: Server): string[] {
  return [...names.hosts, ...names.patterns];
}

/** What was there by https alone is not there in the clear: routes do not depend on the listener. */
function withForced(
  servers: readonly Server[],
  {
    given,
    dropped,
    sent,
    outline,
  }: Omit<Twins, "kept"> & { readonly given: readonly Server[]; readonly outline: Outline },
): Server[] {
  const hasPlain = given.some(({ listens }) => listens.some(({ isSecure }) => !isSecure));
  const isForAll = dropped.some((each) => namesIn(each).length === 0);
  return servers.map((server) => {
    if (!isSecureOnly(server)) {
      const isAsked = server.clientAuth !== undefined;
      const isTest = (each: Directive) =>
        isSchemeTest(each) || (isAsked && isCertificateTest(each));
      return { ...server, isForced: server.scope.own("if").some(isTest) };
    }
    if (!hasPlain && server.clientAuth === undefined) return server;
    const isTold = isForAll || namesIn(server).every((each) => sent.has(each));
    if (hasPlain && !isTold) {
      const text = "it was there by https alone: who comes in the clear is sent to https";
      outline.note(text, server.directive);
    }
    return { ...server, isForced: true };
  });
}
