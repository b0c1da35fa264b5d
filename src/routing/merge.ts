// What the file says and what was found, as one snapshot. What is global (listeners, limits, logs) is the
// file's alone; routes and services come from all, and a host name belongs to one of them (`ownership.ts`).

import type { Discovery } from "../config/discovery.ts";
import { emptyService } from "../config/empty-service.ts";
import type { Service } from "../config/service.ts";
import type { Catalog, Origin, Snapshot } from "../config/snapshot.ts";
import { type Holders, type Refusal, settleClaims } from "./ownership.ts";

export interface Merged {
  readonly snapshot: Snapshot;
  readonly refusals: readonly Refusal[];
  readonly holders: Holders;
}

export interface MergeOptions extends Pick<Snapshot, "version" | "secret"> {
  /** Who holds which host name so far. */
  readonly holders: Holders;
}

/** @param discoveries the most trusted first */
export function merge(
  file: Catalog,
  discoveries: readonly Discovery[],
  { version, secret, holders: before }: MergeOptions,
): Merged {
  const settled = settleClaims(file, discoveries, before);
  const refusals = [...settled.refusals];
  const routes = keepFirst("route", [...file.routes, ...settled.routes], refusals);
  const streamRoutes = keepFirst(
    "tcp route",
    [...file.streamRoutes, ...settled.streamRoutes],
    refusals,
  );
  const services = keepFirst<Service>(
    "service",
    [file, ...discoveries].flatMap((each) => Object.values(each.services)),
    refusals,
  );
  const byName = Object.fromEntries(services.map((service) => [service.name, service]));
  const snapshot = { ...file, version, secret, routes, streamRoutes, services: byName };
  return {
    snapshot: { ...snapshot, services: withPlaceholders(snapshot) },
    refusals,
    holders: settled.holders,
  };
}

function keepFirst<Item extends { readonly name: string; readonly origin: Origin }>(
  what: string,
  items: readonly Item[],
  refusals: Refusal[],
): readonly Item[] {
  const owners = new Map<string, Item>();
  for (const item of items) {
    const owner = owners.get(item.name);
    if (owner === undefined) {
      owners.set(item.name, item);
      continue;
    }
    const { provider, place } = owner.origin;
    const message = `the ${what} "${item.name}" is already claimed by ${provider} at ${place}`;
    refusals.push({ origin: item.origin, message });
  }
  return [...owners.values()];
}

/** The file may lead to what is to be found: until it is, there is a service without anybody. */
function withPlaceholders(snapshot: Snapshot): Snapshot["services"] {
  const { services } = snapshot;
  const missing = new Map<string, Service>();
  const use = (name: string | undefined, origin: Origin) => {
    if (name === undefined || Object.hasOwn(services, name) || missing.has(name)) return;
    missing.set(name, emptyService(name, origin));
  };
  for (const { service, origin } of [
    ...snapshot.routes,
    ...snapshot.streamRoutes,
    ...snapshot.listeners,
  ]) {
    use(service, origin);
  }
  for (const each of Object.values(services)) {
    for (const part of partsOf(each)) use(part, each.origin);
  }
  return missing.size === 0 ? services : { ...services, ...Object.fromEntries(missing) };
}

function partsOf(service: Service): readonly string[] {
  switch (service.kind) {
    case "backends":
      return [];
    case "split":
      return service.parts.map((part) => part.service);
    case "failover":
      return service.services;
    case "mirror":
      return [service.service, ...service.copies.map((copy) => copy.service)];
    case "addressed":
      return Object.values(service.members);
  }
}
