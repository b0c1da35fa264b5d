// Two sticky services below one host that set a cookie of one name: to browsers it is one cookie, so each
// would overwrite the other's, and no client would stay anywhere. Nothing else would show it.

import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Rule } from "./rule.ts";
import { membersOf } from "./service-graph.ts";
import type { Route } from "./snapshot.ts";
import type { Service } from "./service.ts";

export function warnOfSharedCookies(context: Context, routes: readonly Route[]): void {
  /** The first service that has the cookie, by host and cookie. */
  const owners = new Map<string, string>();
  const told = new Set<string>();
  for (const route of routes) {
    const cookies = cookiesOf(context, route.service);
    if (cookies.length === 0) continue;
    for (const host of hostsOf(route.rule)) {
      for (const { service, name, path } of cookies) {
        const key = `${host}\n${name}\n${path}`;
        const owner = owners.get(key) ?? service;
        owners.set(key, owner);
        if (owner === service || told.has(service)) continue;
        told.add(service);
        const message = `for ${host} the service ${owner} sets the cookie ${name} too`;
        const remedy = "name one of them otherwise: sticky: { cookie: NAME }";
        const place = [...(context.servicePaths.get(service) ?? []), "sticky"];
        report(context, place, { message, remedy, at: "key", severity: "warning" });
      }
    }
  }
}

interface Cookie {
  readonly service: string;
  readonly name: string;
  readonly path: string;
}

/** Of the service, and of the first ones it leads to: the others are for the few, or for bad days. */
function cookiesOf(context: Context, start: string | undefined): Cookie[] {
  const cookies: Cookie[] = [];
  const passed = new Set<string>();
  for (let name = start; name !== undefined && !passed.has(name);) {
    passed.add(name);
    const service: Service | undefined = context.services.get(name);
    if (service === undefined) break;
    const sticky = "sticky" in service ? service.sticky : undefined;
    if (sticky?.kind === "cookie") {
      cookies.push({ service: name, name: sticky.name, path: sticky.path });
    }
    name = membersOf(context, service)[0]?.name;
  }
  return cookies;
}

/** Those a rule names outright. */
function hostsOf(rule: Rule): readonly string[] {
  switch (rule.kind) {
    case "host":
      return [rule.host];
    case "all":
    case "any":
      return rule.rules.flatMap(hostsOf);
    default:
      return [];
  }
}
