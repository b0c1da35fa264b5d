// What the file says and what was found, as one snapshot. What is global (listeners, limits, logs) is the
// file's alone; routes and services come from all, and a host name belongs to one of them (`ownership.ts`).

import type { Discovery } from "../config/discovery.ts";
import { emptyService } from "../config/empty-service.ts";
import { partsOf } from "../config/service-parts.ts";
import type { Service } from "../config/service.ts";
import type { Catalog, Origin, Snapshot } from "../config/snapshot.ts";
import { type OwnAddress, OwnDoors } from "./own-doors.ts";
import { type Holders, type Refusal, settleClaims } from "./ownership.ts";

export interface Merged {
  readonly snapshot: Snapshot;
  readonly refusals: readonly Refusal[];
  readonly holders: Holders;
}

export interface MergeOptions extends Pick<Snapshot, "version" | "secret"> {
  /** Who holds which host name so far. */
  readonly holders: Holders;
  readonly isOwnAddress: OwnAddress;
}

/** @param discoveries the most trusted first */
export function merge(
  file: Catalog,
  discoveries: readonly Discovery[],
  { version, secret, holders: before, isOwnAddress }: MergeOptions,
): Merged {
  const settled = settleClaims(file, discoveries, before);
  const refusals = [...settled.refusals];
  const routes = keepFirst("route", [...file.routes, ...settled.routes], refusals);
  const streamRoutes = keepFirst(
    "tcp route",
    [...file.streamRoutes, ...settled.streamRoutes],
    refusals,
  );
  const doors = new OwnDoors(file, isOwnAddress);
  const found = discoveries
    .flatMap((each) => Object.values(each.services))
    .map((each) => withoutDoors(each, doors, refusals));
  const services = keepFirst("service", [...Object.values(file.services), ...found], refusals);
  const named = new Map(services.map((service) => [service.name, service]));
  const byName = Object.fromEntries(
    services.map((service) => [service.name, withMembers(service, named, refusals)]),
  );
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

function withoutDoors(service: Service, doors: OwnDoors, refusals: Refusal[]): Service {
  const left = doors.without(service);
  for (const why of left.taken) {
    const message = `${service.name} does not lead there: ${why} of this program; say the container's own port`;
    refusals.push({ origin: service.origin, message });
  }
  return left.service;
}

/** Only those that there are, and that have backends: workers refuse a snapshot in which it is otherwise. */
function withMembers(
  service: Service,
  named: ReadonlyMap<string, Service>,
  refusals: Refusal[],
): Service {
  if (service.kind !== "addressed") return service;
  const all = Object.entries(service.members);
  const members = all.filter(([, name]) => named.get(name)?.kind === "backends");
  if (members.length === all.length) return service;
  for (const [address, name] of all) {
    if (named.get(name)?.kind === "backends") continue;
    const why = named.has(name) ? "has no backends of its own" : "is not there";
    const message = `${service.name} does not lead to ${address}: its service ${name} ${why}`;
    refusals.push({ origin: service.origin, message });
  }
  return { ...service, members: Object.fromEntries(members) };
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
