// How services lead to one another and who leads to them: names inside routes and listeners, circles,
// and whether what is spoken is the same all along.

import { report } from "./context.ts";
import type { Context, ServiceUse } from "./context.ts";
import { maxServiceDepth } from "./limits.ts";
import type { FilesService } from "./files.ts";
import type { Path } from "./problem.ts";
import { answerersOf } from "./service-parts.ts";
import { checkServiceName, isDiscoveredName } from "./resolve-group.ts";
import { resolveService } from "./resolve-service.ts";
import type { ServiceInput } from "./service-schema.ts";
import type { ExchangeTimeouts } from "./snapshot.ts";
import type { Backend, Service } from "./service.ts";

interface Owner {
  /** Of the route or listener. */
  readonly name: string;
  readonly kind: "route" | "tcpRoute" | "listener";
  readonly protocol: ServiceUse["protocol"];
  /** Of its key `service`. */
  readonly path: Path;
}

/** The name of the service that a route or listener leads to; undefined after it reported a problem. */
export function useService(
  context: Context,
  use: string | ServiceInput,
  owner: Owner,
): string | undefined {
  const { kind, protocol, path } = owner;
  if (typeof use === "string") {
    const instead = ", or write a URL";
    if (!checkServiceName(context, use, path, { instead })) return undefined;
    if (protocol !== "http" && context.addressedNames.has(use)) {
      const message = `${use} is found by the requested host, which ${protocol} does not tell`;
      report(context, path, {
        message,
        remedy: "lead to a container's own service, NAME@PROVIDER",
      });
      return undefined;
    }
    context.uses.push({ service: use, protocol, path });
    return use;
  }
  // Named after its owner; "@route" keeps it apart from a service that happens to be called so.
  const isTaken =
    context.serviceNames.has(owner.name) ||
    context.services.has(owner.name) ||
    isDiscoveredName(context, owner.name);
  const name = isTaken ? `${owner.name}@${kind}` : owner.name;
  if (resolveService(context, name, use, path) === undefined) return undefined;
  context.uses.push({ service: name, protocol, path });
  return name;
}

/** The services that a service leads to, and where it says so. */
export function membersOf(context: Context, service: Service): { name: string; path: Path }[] {
  const path = context.servicePaths.get(service.name) ?? [];
  switch (service.kind) {
    case "backends":
      return [];
    case "files":
      return answerersOf(service).map((name) => ({
        name,
        path: name === service.scripts?.service ? path : [...path, "files", "try"],
      }));
    case "addressed":
      return Object.values(service.members).map((name) => ({ name, path }));
    case "split":
      return service.parts.map((part) => ({ name: part.service, path: [...path, "split"] }));
    case "failover":
      return service.services.map((name, at) => ({ name, path: [...path, "failover", at] }));
    case "mirror":
      return [
        { name: service.service, path: [...path, "mirror"] },
        ...service.copies.map((copy) => ({
          name: copy.service,
          path: [...path, "to", copy.service],
        })),
      ];
  }
}

/** What a service grants: what it says itself, else what the first service it leads to does. */
export function timeoutsOf(context: Context, name: string | undefined): Partial<ExchangeTimeouts> {
  const passed = new Set<string>();
  let timeouts: Partial<ExchangeTimeouts> = {};
  for (let at = name; at !== undefined && !passed.has(at);) {
    passed.add(at);
    timeouts = { ...context.serviceTimeouts.get(at), ...timeouts };
    const service = context.services.get(at);
    at = service === undefined ? undefined : membersOf(context, service)[0]?.name;
  }
  return timeouts;
}

export function checkServices(context: Context): void {
  const protocols = protocolsOf(context, checkCircles(context));
  for (const service of context.services.values()) {
    if (service.kind === "files") {
      checkFiles(context, service, protocols);
      continue;
    }
    const [first, ...others] = membersOf(context, service);
    const protocol = protocols.get(service.name);
    if (first === undefined || protocol === undefined) continue;
    for (const { name, path } of others) {
      const other = protocols.get(name);
      if (other === undefined || other === protocol) continue;
      const message = `${name} has ${other} backends, and ${first.name} has ${protocol} ones`;
      report(context, path, { message, remedy: "let all of them speak the same" });
    }
    if (protocol !== "http") checkGroup(context, service, protocol);
  }
  for (const each of context.services.values()) refuseFilesIn(context, each);
  warnOfParts(context);
  for (const use of context.uses) checkUse(context, use, protocols.get(use.service));
}

/** Programs are of its own making; a step may lead anywhere where requests are taken. */
function checkFiles(
  context: Context,
  service: FilesService,
  protocols: ReadonlyMap<string, Backend["protocol"]>,
): void {
  for (const { name, path } of membersOf(context, service)) {
    const other = protocols.get(name) ?? "http";
    if (other === "http") continue;
    const message = `${name} has ${other} backends, and what is no file is asked for by HTTP`;
    report(context, path, { message, remedy: "lead to a service that answers requests" });
  }
}

/** Of several that are tried, weighed or copied to, each must have backends in the end. */
function refuseFilesIn(context: Context, service: Service): void {
  for (const { name, path } of membersOf(context, service)) {
    // A circle was told of already.
    if (context.services.get(name)?.kind !== "files" || name === service.name) continue;
    const message = `${name} answers with files, so it cannot be a part of another service`;
    const remedy =
      service.kind === "files"
        ? "say its folder in a route of its own, or end at a service with backends"
        : "let a route lead there by itself";
    report(context, path, { message, remedy });
  }
}

/** Reports each circle once, where it closes; gives the services that lead into one, or too far. */
function checkCircles(context: Context): ReadonlySet<string> {
  const endless = new Set<string>();
  /** Of those that are through: how many services one after the other, itself included. */
  const depths = new Map<string, number>();
  const visit = (service: Service, above: readonly string[]): void => {
    let depth = 1;
    for (const { name, path } of membersOf(context, service)) {
      const start = above.indexOf(name);
      const next = context.services.get(name);
      const isDeep = above.length >= maxServiceDepth;
      if (start !== -1) {
        const circle = [...above.slice(start), name].join(" → ");
        const message = `the services lead in a circle: ${circle}`;
        report(context, path, { message, remedy: "end it at a service with backends" });
        for (const each of above) endless.add(each);
      } else if (next !== undefined && !depths.has(name) && !isDeep) {
        visit(next, [...above, name]);
      }
      const below = depths.get(name) ?? 0;
      if (endless.has(name)) endless.add(service.name);
      else if (above.length + below > maxServiceDepth || (isDeep && next !== undefined)) {
        const message = `more than ${maxServiceDepth} services lead to one another`;
        report(context, path, { message, remedy: "lead to fewer of them" });
        for (const each of above) endless.add(each);
      }
      depth = Math.max(depth, below + 1);
    }
    depths.set(service.name, depth);
  };
  for (const service of context.services.values()) {
    if (!depths.has(service.name)) visit(service, [service.name]);
  }
  return endless;
}

/** Of each service, as far as it is known: that of the first backend it leads to. */
function protocolsOf(
  context: Context,
  endless: ReadonlySet<string>,
): ReadonlyMap<string, Backend["protocol"]> {
  const protocols = new Map<string, Backend["protocol"]>();
  const find = (name: string): Backend["protocol"] | undefined => {
    const known = protocols.get(name);
    const service = context.services.get(name);
    if (known !== undefined || service === undefined || endless.has(name)) return known;
    const first = membersOf(context, service)[0]?.name;
    const found =
      service.kind === "backends"
        ? service.backends[0]?.protocol
        : service.kind === "files"
          ? "http"
          : first === undefined
            ? undefined
            : find(first);
    if (found !== undefined) protocols.set(name, found);
    return found;
  };
  for (const name of context.services.keys()) find(name);
  return protocols;
}

/** What of a group says nothing where there are no requests. */
function checkGroup(context: Context, service: Service, protocol: string): void {
  const path = context.servicePaths.get(service.name) ?? [];
  const refuse = (key: readonly (string | number)[]) => {
    const message = `says nothing for ${protocol} backends`;
    report(context, [...path, ...key], { message, remedy: "leave it out", at: "key" });
  };
  if (service.kind === "mirror") refuse(["mirror"]);
  if (service.kind === "failover" && service.statuses.length > 0) refuse(["statuses"]);
  if (service.kind === "split" && service.sticky !== undefined) refuse(["sticky"]);
  if (service.kind === "split") {
    for (const [at, { when }] of service.parts.entries()) {
      if (when !== undefined) refuse(["split", at, "when"]);
    }
  }
  if (service.kind !== "backends" && service.maintenance !== undefined) refuse(["maintenance"]);
}

/** Requests go through middlewares of the service that a route names, and of no other. */
function warnOfParts(context: Context): void {
  const led = new Set(context.uses.map(({ service }) => service));
  const all = [...context.services.values()];
  const parts = new Set(all.flatMap((each) => membersOf(context, each).map(({ name }) => name)));
  for (const { name, middlewares } of all) {
    if (middlewares === undefined || !parts.has(name) || led.has(name)) continue;
    const path = [...(context.servicePaths.get(name) ?? []), "middlewares"];
    const message = `count where a route leads to ${name} itself, not where it is a part of another service`;
    const remedy = "say them in the service that routes lead to";
    report(context, path, { message, remedy, at: "key", severity: "warning" });
  }
}

const places = { http: "an HTTP route", tcp: "a tcp listener", udp: "a udp listener" } as const;
const forms = { http: "http://HOST:PORT", tcp: "tcp://HOST:PORT", udp: "udp://HOST:PORT" } as const;

function checkUse(
  context: Context,
  { service, protocol, path }: ServiceUse,
  found: Backend["protocol"] | undefined,
): void {
  const target = context.services.get(service);
  if (protocol !== "http" && target?.middlewares !== undefined) {
    const message = `${service} has middlewares, which are for requests, and ${places[protocol]} carries bytes`;
    report(context, path, { message, remedy: "lead to a service without them" });
  }
  if (found === undefined || found === protocol) return;
  const speaks = target?.kind === "backends" ? target.backends[0]?.speaks : undefined;
  if (target?.kind === "files" || speaks !== undefined) {
    const what = speaks === undefined ? "answers with files" : `is asked by ${speaks}`;
    const message = `${service} ${what}, and ${places[protocol]} carries bytes`;
    report(context, path, { message, remedy: "let a route of routes lead there" });
    return;
  }
  const message = `${service} has ${found} backends, and ${places[protocol]} needs ${protocol} ones`;
  const instead =
    found === "http"
      ? `write ${forms[protocol]} for its backends`
      : `give it to a listener with protocol: ${found}, or write ${forms[protocol]}`;
  report(context, path, { message, remedy: instead });
}
