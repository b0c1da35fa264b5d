// Which requests a server of nginx is for, beside its names: those for names that nobody has, and those that came in at its own
// addresses. Our routes do not depend on the listener, so that rules have to say it.

import { both, call, either } from "../../providers/labels/rule-text.ts";
import type { Outline } from "../outline.ts";
import type { Server } from "./server.ts";

/**
 * Names that nobody has go, at each address, to who says so (`default_server`) or else to the first server. Ours go to the one
 * at port 80, and by the port in the Host field to those of other addresses that have no name. `dropped` are servers that
 * only send everybody to https: where one of them would have those names, they go to the one for https. With `isStrict` there is no TLS for
 * names that nobody has.
 */
export function withDefaults(
  servers: readonly Server[],
  { dropped, isStrict }: { readonly dropped: readonly Server[]; readonly isStrict: boolean },
): Server[] {
  const chosen = defaultsOf([...servers, ...dropped].toSorted(byPlace));
  if (isStrict) {
    for (const each of chosen) {
      if (each.listens.every(({ isSecure }) => isSecure)) chosen.delete(each);
    }
  } else if (dropped.some((each) => chosen.has(each))) {
    const secure = servers.filter(({ listens }) => listens.some(({ isSecure }) => isSecure));
    const said = secure.find(({ listens }) => {
      return listens.some(({ isSecure, isDefault }) => isSecure && isDefault);
    });
    const other = said ?? secure[0];
    if (other !== undefined) chosen.add(other);
  }
  return servers.map((server) => (chosen.has(server) ? { ...server, isDefault: true } : server));
}

function byPlace(one: Server, other: Server): number {
  return one.at - other.at;
}

function defaultsOf(servers: readonly Server[]): Set<Server> {
  const plain = servers.filter(({ listens }) => listens.some(({ isSecure }) => !isSecure));
  const candidates = plain.length > 0 ? plain : servers;
  const firsts = new Map<string, Server>();
  for (const server of candidates) {
    for (const bind of plainBindsOf(server)) if (!firsts.has(bind)) firsts.set(bind, server);
  }
  const said = candidates.filter(({ listens }) => listens.some(({ isDefault }) => isDefault));
  for (const server of said) {
    for (const { bind, isDefault } of server.listens) if (isDefault) firsts.set(bind, server);
  }
  const nameless = [...firsts.values()].filter(({ names }) => isNameless(names));
  const [main] = [...firsts.keys()].toSorted((one, other) => usualRank(one) - usualRank(other));
  const first = firsts.get(main ?? "");
  return new Set([...said, ...nameless, ...(first === undefined ? [] : [first])]);
}

function isNameless({ hosts, patterns }: Server["names"]): boolean {
  return hosts.length === 0 && patterns.length === 0;
}

/** Those in the clear, or else all. */
function plainBindsOf({ listens }: Server): string[] {
  const plain = listens.filter(({ isSecure }) => !isSecure);
  return (plain.length > 0 ? plain : listens).map(({ bind }) => bind);
}

function bindsOf({ listens }: Server): string[] {
  return listens.map(({ bind }) => bind);
}

function usualRank(bind: string): number {
  return isInner(bind) ? 2 : bind.endsWith(":80") ? 0 : 1;
}

/** Two with one name at different ports are told apart by the port in the Host field, as clients write it. */
export function withConditions(servers: readonly Server[], outline: Outline): Server[] {
  const claims = new Map<string, Server[]>();
  for (const server of servers) {
    const { hosts, patterns } = server.names;
    for (const name of [...hosts, ...patterns, ...(server.isDefault ? ["*"] : [])]) {
      claims.set(name, [...(claims.get(name) ?? []), server]);
    }
  }
  const shared = new Set([...claims.values()].filter((each) => each.length > 1).flat());
  const seen = new Set<string>();
  return servers.flatMap((server) => {
    if (!shared.has(server)) return [server];
    const ports = portsOf(server);
    const others = servers.filter((each) => each !== server).flatMap(portsOf);
    const elsewhere = [...new Set(others)].filter((port) => !ports.includes(port));
    const condition = portRule(ports, elsewhere);
    const key = JSON.stringify([server.names, server.isDefault, condition]);
    if (seen.has(key)) {
      const text =
        "another server has the same names, and the port does not tell them apart: it is left out";
      outline.note(text, server.directive);
      return [];
    }
    seen.add(key);
    const text =
      "another server has the same name at another port: they are told apart by the port in the Host field";
    outline.note(text, server.directive);
    return [{ ...server, condition }];
  });
}

function portsOf({ listens }: Server): number[] {
  return [...new Set(listens.map(({ port }) => port))].toSorted((one, other) => one - other);
}

function portRule(ports: readonly number[], others: readonly number[]): string {
  // Clients leave out the usual ones.
  const isUsual = ports.some((port) => port === 80 || port === 443);
  const rule = (all: readonly number[]) => `HeaderRegexp("Host", ":(${all.join("|")})$")`;
  if (!isUsual) return rule(ports);
  const named = others.filter((port) => port !== 80 && port !== 443);
  return named.length === 0 ? "" : `!${rule(named)}`;
}

/** Only this machine comes in there. */
function isInner(bind: string): boolean {
  return /^(127\.|\[::1\]|unix:)/.test(bind);
}

const inner = either([call("ClientIP", "127.0.0.0/8"), call("ClientIP", "::1/128")]);

/** What listened on this machine alone must not be there for everybody. */
export function withAddresses(servers: readonly Server[], outline: Outline): Server[] {
  const binds = new Set(servers.flatMap(bindsOf));
  if (![...binds].some((bind) => !isInner(bind))) return [...servers];
  const addresses = new Set([...binds].filter((bind) => !isInner(bind)).map(addressOf));
  return servers.map((server) => {
    const own = bindsOf(server);
    if (own.every(isInner)) {
      const text =
        "it listens on this machine alone; routes are there at every listener, so that a rule lets in clients of this machine only";
      outline.note(text, server.directive);
      return { ...server, condition: both(server.condition, inner) };
    }
    if (addresses.size > 1 && own.some((bind) => addressOf(bind) !== "")) {
      const text =
        "it listens at addresses of its own; routes are there at every listener: add clientIp to those that are not for everybody";
      outline.note(text, server.directive);
    }
    return server;
  });
}

function addressOf(bind: string): string {
  return bind.replace(/:\d+$/, "");
}
