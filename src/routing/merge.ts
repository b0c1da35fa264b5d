// All that is known of routes and services, as one snapshot. What is global (listeners, limits, logs) is the
// file's alone. What operators keep elsewhere counts as if it stood in the file, after what does; a host name
// that is claimed by what was found belongs to one of them (`ownership.ts`).

import { noDocuments } from "../config/documents.ts";
import { noGuests } from "../config/guest.ts";
import { noCredentials } from "../config/certificate.ts";
import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import type { Discovery } from "../config/discovery.ts";
import { emptyService } from "../config/empty-service.ts";
import { partsOf } from "../config/service-parts.ts";
import type { Service } from "../config/service.ts";
import type { Catalog, Origin, Route, Snapshot, StreamRoute } from "../config/snapshot.ts";
import { unsoundOf } from "./leads.ts";
import { Overlays } from "./overlays.ts";
import { type OwnAddress, OwnDoors } from "./own-doors.ts";
import { type Holders, isWithin, outsideOf, type Refusal, settleClaims } from "./ownership.ts";

/** What is said outside the file, the most trusted first. */
export interface Said {
  readonly collections: readonly Collection[];
  readonly discoveries: readonly Discovery[];
}

export interface Merged {
  readonly snapshot: Snapshot;
  /** Services that something leads to and nobody has told of, and who first led there. */
  readonly missing: ReadonlyMap<string, Origin>;
  readonly refusals: readonly Refusal[];
  readonly holders: Holders;
  /** Of all that is said, the most trusted first; what is refused says so. */
  readonly certificates: readonly CertificateItem[];
}

export interface MergeOptions extends Pick<Snapshot, "version" | "secret"> {
  /** Who holds which host name so far. */
  readonly holders: Holders;
  readonly isOwnAddress: OwnAddress;
}

export function merge(
  file: Catalog,
  { collections, discoveries }: Said,
  { version, secret, holders: before, isOwnAddress }: MergeOptions,
): Merged {
  const refusals: Refusal[] = [];
  const trusted = trustedOf(file, collections, refusals);
  const overlays = new Overlays(collections, refusals);
  const wanted = (route: Route) => overlays.on(route);
  const settled = settleClaims({ trusted, wanted }, discoveries, before);
  refusals.push(...settled.refusals);
  const doors = new OwnDoors(file, isOwnAddress);
  const found = discoveries
    .flatMap((each) => Object.values(each.services))
    .map((each) => withoutDoors(each, doors, refusals));
  const all = {
    routes: keepFirst("route", [...trusted.routes.map(wanted), ...settled.routes], refusals),
    streamRoutes: keepFirst(
      "tcp route",
      [...trusted.streamRoutes, ...settled.streamRoutes],
      refusals,
    ),
    services: keepFirst(
      "service",
      [...file.services.values(), ...collections.flatMap(({ services }) => services), ...found],
      refusals,
    ),
  };
  overlays.tellUnused();
  const named = byName(withAllMembers(all.services, refusals));
  const { routes, streamRoutes, services } = soundOf({ ...all, services: named }, refusals);
  const added = {
    ...{ version, secret, credentials: noCredentials, guests: noGuests },
    documents: noDocuments,
  };
  const snapshot = { ...file, ...added, routes, streamRoutes, services };
  const missing = missingFrom(snapshot);
  return {
    snapshot: missing.size === 0 ? snapshot : withPlaceholders(snapshot, missing),
    missing,
    refusals,
    holders: settled.holders,
    certificates: collections.flatMap((each) => certificatesOf(each, refusals)),
  };
}

/** Whoever may route some hosts may bring certificates for these, and for no other name. */
function certificatesOf(
  { certificates, hosts, provider }: Collection,
  refusals: Refusal[],
): readonly CertificateItem[] {
  if (hosts === undefined) return certificates;
  return certificates.map((item) => {
    const names = item.held.flatMap(({ certificate }) => certificate.names);
    const trouble = outsideOf(names, hosts, provider);
    if (trouble === undefined) return item;
    refusals.push({ origin: item.origin, message: trouble });
    return refusedItem(item, trouble);
  });
}

/** One that is refused again is the same object in the next snapshot. */
const refusedItems = new WeakMap<CertificateItem, CertificateItem>();

function refusedItem(item: CertificateItem, trouble: string): CertificateItem {
  const known = refusedItems.get(item);
  if (known?.trouble === trouble) return known;
  const refused = { ...item, held: [], trouble, since: Date.now() };
  refusedItems.set(item, refused);
  return refused;
}

/** What operators say, wherever they say it. */
function trustedOf(
  file: Catalog,
  collections: readonly Collection[],
  refusals: Refusal[],
): Pick<Catalog, "routes" | "streamRoutes"> {
  const allowed = <Item extends Route | StreamRoute>(
    items: readonly Item[],
    { provider, hosts }: Collection,
  ) =>
    hosts === undefined ? items : items.filter((each) => isWithin(each, hosts, provider, refusals));
  return {
    routes: [...file.routes, ...collections.flatMap((each) => allowed(each.routes, each))],
    streamRoutes: [
      ...file.streamRoutes,
      ...collections.flatMap((each) => allowed(each.streamRoutes, each)),
    ],
  };
}

function keepFirst<Item extends { readonly name: string; readonly origin: Origin }>(
  what: string,
  items: readonly Item[],
  refusals: Refusal[],
): readonly Item[] {
  // With ten thousand this is nearly always so, and costs half.
  if (new Set(items.map(({ name }) => name)).size === items.length) return items;
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

function withAllMembers(services: readonly Service[], refusals: Refusal[]): readonly Service[] {
  if (!services.some(({ kind }) => kind === "addressed")) return services;
  const named = byName(services);
  return services.map((each) => withMembers(each, named, refusals));
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

function byName(services: readonly Service[]): ReadonlyMap<string, Service> {
  return new Map(services.map((each) => [each.name, each]));
}

type Items = Pick<Snapshot, "routes" | "streamRoutes" | "services">;

/** Each was read by itself: only here is seen where all of them together lead. */
function soundOf({ routes, streamRoutes, services }: Items, refusals: Refusal[]): Items {
  const unsound = unsoundOf({ routes, streamRoutes, services });
  if (unsound.size === 0) return { routes, streamRoutes, services };
  const isSound = (each: Route | StreamRoute | Service) => {
    const message = unsound.get(each);
    if (message !== undefined) refusals.push({ origin: each.origin, message });
    return message === undefined;
  };
  return {
    routes: routes.filter(isSound),
    streamRoutes: streamRoutes.filter(isSound),
    services: byName([...services.values()].filter(isSound)),
  };
}

/** Something may lead to what is to be found: until it is, there is a service without anybody. */
function withPlaceholders(snapshot: Snapshot, missing: Merged["missing"]): Snapshot {
  const empty = [...missing].map(([name, origin]) => [name, emptyService(name, origin)] as const);
  return { ...snapshot, services: new Map([...snapshot.services, ...empty]) };
}

function missingFrom(snapshot: Snapshot): Merged["missing"] {
  const { services } = snapshot;
  const missing = new Map<string, Origin>();
  const use = (name: string | undefined, origin: Origin) => {
    if (name === undefined || services.has(name) || missing.has(name)) return;
    missing.set(name, origin);
  };
  for (const { service, origin } of [
    ...snapshot.routes,
    ...snapshot.streamRoutes,
    ...snapshot.listeners,
  ]) {
    use(service, origin);
  }
  for (const each of services.values()) {
    for (const part of partsOf(each)) use(part, each.origin);
  }
  return missing;
}
