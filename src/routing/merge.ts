// All catalogs as one snapshot. What is global (listeners, limits, logs) comes from the first catalog;
// routes and services come from all, and a name belongs to the first catalog that claims it.

import type { Catalog, Origin, Snapshot } from "../config/snapshot.ts";
import type { Service } from "../config/service.ts";

/** Something a catalog said that was not taken over. */
export interface Refusal {
  /** Where the refused item was written. */
  readonly origin: Origin;
  readonly message: string;
}

export interface Merged {
  readonly snapshot: Snapshot;
  readonly refusals: readonly Refusal[];
}

export function merge(
  catalogs: readonly [Catalog, ...(readonly Catalog[])],
  { version, secret }: Pick<Snapshot, "version" | "secret">,
): Merged {
  const refusals: Refusal[] = [];
  const routes = keepFirst(
    "route",
    catalogs.flatMap((catalog) => catalog.routes),
    refusals,
  );
  const streamRoutes = keepFirst(
    "tcp route",
    catalogs.flatMap((catalog) => catalog.streamRoutes),
    refusals,
  );
  const services = keepFirst<Service>(
    "service",
    catalogs.flatMap((catalog) => Object.values(catalog.services)),
    refusals,
  );
  const byName = Object.fromEntries(services.map((service) => [service.name, service]));
  const snapshot = { ...catalogs[0], version, secret, routes, streamRoutes, services: byName };
  return { snapshot, refusals };
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
