// The items of the store as routes, services and certificates. Each is read by itself and once: of ten thousand only the
// one that changed is read again, and the others stay the very same objects.

import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import { type Item, storeSource } from "../config/item.ts";
import type { Overlay } from "../config/overlay.ts";
import type { RouteDefaults } from "../config/provider-settings.ts";
import { type ItemProblem, type ItemReading, readItem, unusableItem } from "../config/read-item.ts";
import type { Service } from "../config/service.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";
import type { StoredItem } from "../store/store.ts";

type StoredItems = ReadonlyMap<string, StoredItem>;

export interface KeptReading {
  readonly collection: Collection;
  /** By section and name; what has an error is not part of the collection. */
  readonly problems: ReadonlyMap<string, readonly ItemProblem[]>;
}

export class KeptItems {
  /** An item that did not change is the same object as before. */
  #readings = new WeakMap<StoredItem, ItemReading>();
  /** Of the latest reading, in its order: most stand where they stood, and need not be looked up. */
  #places: readonly Place[] = [];
  #defaults: RouteDefaults | undefined;
  /** Of the latest reading. */
  #items: StoredItems | undefined;
  #latest: KeptReading | undefined;

  read(items: StoredItems, defaults: RouteDefaults): KeptReading {
    if (items === this.#items && defaults === this.#defaults && this.#latest !== undefined) {
      return this.#latest;
    }
    if (!sameDefaults(defaults, this.#defaults)) {
      // Certificates are granted nothing, and reading ten thousand of them takes seconds.
      const lasting = this.#places.filter(({ item }) => item.section === "certificates");
      this.#readings = new WeakMap(lasting.map(({ item, reading }) => [item, reading]));
      this.#places = [];
    }
    this.#defaults = defaults;
    this.#items = items;
    this.#latest = this.#readAll(items, defaults);
    return this.#latest;
  }

  #readAll(items: StoredItems, defaults: RouteDefaults): KeptReading {
    const problems = new Map<string, readonly ItemProblem[]>();
    const routes: Route[] = [];
    const streamRoutes: StreamRoute[] = [];
    const services: Service[] = [];
    const overlays: Overlay[] = [];
    const certificates: CertificateItem[] = [];
    const places: Place[] = [];
    for (const [key, item] of items) {
      const before = this.#places[places.length];
      const place = before?.item === item ? before : this.#placeOf(item, defaults);
      const { reading } = place;
      places.push(place);
      if (reading.problems.length > 0) problems.set(key, reading.problems);
      for (const each of reading.routes) routes.push(each);
      for (const each of reading.streamRoutes) streamRoutes.push(each);
      for (const each of reading.services) services.push(each);
      for (const each of reading.overlays) overlays.push(each);
      for (const each of reading.certificates) certificates.push(each);
    }
    this.#places = places;
    const said = { routes, streamRoutes, services, overlays, certificates };
    return { collection: { provider: storeSource, hosts: undefined, ...said }, problems };
  }

  #placeOf(item: StoredItem, defaults: RouteDefaults): Place {
    const known = this.#readings.get(item);
    const reading = known ?? readOne(item, defaults);
    if (known === undefined) this.#readings.set(item, reading);
    return { item, reading };
  }
}

interface Place {
  readonly item: StoredItem;
  readonly reading: ItemReading;
}

/** We wrote it; only a disk can have made something else of it. */
export function valueOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Where an item is, for people. */
export function placeOf(item: Pick<StoredItem, "section" | "name">): string {
  return `${item.section}/${item.name}`;
}

function readOne(stored: StoredItem, defaults: RouteDefaults): ItemReading {
  const { section, name, text } = stored;
  try {
    const value: unknown = JSON.parse(text);
    const item: Item = { section, name, value, place: placeOf(stored) };
    return readItem(item, { source: storeSource, defaults });
  } catch {
    const message = "what the store has here is damaged";
    const remedy = "write it again, or put a backup in the place of the store";
    const problem: ItemProblem = { path: [section, name], message, remedy, severity: "error" };
    return unusableItem({ section, name, place: placeOf(stored) }, storeSource, [problem]);
  }
}

/** With every reload of the file there is another object, mostly of the same. */
function sameDefaults(a: RouteDefaults, b: RouteDefaults | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
