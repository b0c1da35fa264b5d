// All routes and services there are, served or not, wherever they were said: in one list, with what there is
// to say about each. What it looks like in words is worked out for those that are asked for.

import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import type { ItemSection } from "../config/item.ts";
import type { Overlay } from "../config/overlay.ts";
import { withoutPreset } from "../config/preset-words.ts";
import { overlayWords, routeWords, streamRouteWords } from "../config/route-words.ts";
import type { Service } from "../config/service.ts";
import { isScripts } from "../config/service-parts.ts";
import { serviceWords } from "../config/service-words.ts";
import type { Catalog, Origin, Route, Snapshot, StreamRoute, Written } from "../config/snapshot.ts";
import type { Said } from "../routing/merge.ts";
import { withoutSecrets } from "./item-references.ts";
import { certificateWords } from "./shown-item.ts";

export interface ServedItem {
  readonly section: ItemSection;
  readonly name: string;
  readonly origin: Origin;
  readonly isServed: boolean;
  /** As in the file; undefined = it has no words for it. */
  words(): unknown;
}

export interface Everything {
  readonly catalog: Catalog;
  readonly written: Written;
  readonly snapshot: Snapshot;
  readonly said: Said;
}

/** What is served first. @param only this name; undefined = all */
export function itemsIn(
  section: ItemSection,
  all: Everything,
  only?: string,
): readonly ServedItem[] {
  switch (section) {
    case "routes": {
      const ofFile = new Set(named(all.catalog.routes, only));
      const itemOf = (each: Route) => routeItem(each, ofFile.has(each), all);
      return bothOf(named(all.snapshot.routes, only), named(allRoutes(all), only), itemOf);
    }
    case "tcpRoutes": {
      const served = named(all.snapshot.streamRoutes, only);
      const itemOf = (each: StreamRoute) => streamItem(each, all);
      return bothOf(served, named(allStreamRoutes(all), only), itemOf);
    }
    case "services": {
      const isOwn = (each: Service) => isItsOwn(each, all);
      const served = valuesOf(all.snapshot.services, only).filter(isOwn);
      const others = named(allServices(all), only).filter(isOwn);
      return bothOf(served, others, (each) => serviceItem(each, all));
    }
    case "overlays": {
      const names = new Set(named(all.snapshot.routes, only).map(({ name }) => name));
      const overlays = all.said.collections.flatMap((each) => each.overlays);
      return overlays
        .filter(({ route }) => only === undefined || route === only)
        .map((each) => overlayItem(each, names.has(each.route)));
    }
    case "certificates":
      return named(
        all.said.collections.flatMap((each) => each.certificates),
        only,
      ).map(certificateItem);
  }
}

/** Of ten thousand, before anything is made of each. */
function named<Each extends { readonly name: string }>(
  all: readonly Each[],
  only: string | undefined,
): readonly Each[] {
  return only === undefined ? all : all.filter(({ name }) => name === only);
}

function valuesOf<Each>(all: ReadonlyMap<string, Each>, only: string | undefined): readonly Each[] {
  if (only === undefined) return [...all.values()];
  const found = all.get(only);
  return found === undefined ? [] : [found];
}

function bothOf<Each extends { readonly name: string; readonly origin: Origin }>(
  served: readonly Each[],
  all: readonly Each[],
  itemOf: (each: Each) => Omit<ServedItem, "isServed">,
): readonly ServedItem[] {
  const known = new Set(served.map(idOf));
  return [
    ...served.map((each) => ({ ...itemOf(each), isServed: true })),
    ...all
      .filter((each) => !known.has(idOf(each)))
      .map((each) => ({ ...itemOf(each), isServed: false })),
  ];
}

/** One name may be said twice. */
function idOf({ name, origin }: { readonly name: string; readonly origin: Origin }): string {
  return `${name}\n${origin.provider}\n${origin.place}`;
}

function allRoutes({ catalog, said }: Everything): readonly Route[] {
  return [
    ...catalog.routes,
    ...said.collections.flatMap(({ routes }) => routes),
    ...said.discoveries.flatMap(({ routes }) => routes.map(({ item }) => item)),
  ];
}

function allStreamRoutes({ catalog, said }: Everything): readonly StreamRoute[] {
  return [
    ...catalog.streamRoutes,
    ...said.collections.flatMap(({ streamRoutes }) => streamRoutes),
    ...said.discoveries.flatMap(({ streamRoutes }) => streamRoutes.map(({ item }) => item)),
  ];
}

function allServices({ catalog, said }: Everything): readonly Service[] {
  return [
    ...catalog.services.values(),
    ...said.collections.flatMap(({ services }: Collection) => services),
    ...said.discoveries.flatMap(({ services }) => Object.values(services)),
  ];
}

/** Not one that is written within a route, nor one that something leads to and nobody has said. */
function isItsOwn(service: Service, { written }: Everything): boolean {
  const { name, origin } = service;
  if (name.startsWith("route/") || isScripts(name)) return false;
  if (isOfFile(origin)) return written.items.services.has(name);
  return service.kind !== "backends" || service.absent.every(({ state }) => state !== "missing");
}

export function isOfFile({ provider }: Origin): boolean {
  return provider === "file" || provider === "default";
}

// --- words ---------------------------------------------------------------------------------------------

type Item = Omit<ServedItem, "isServed">;

/** @param isAsWritten an overlay makes another route of one of the file */
function routeItem(route: Route, isAsWritten: boolean, all: Everything): Item {
  const { name, origin } = route;
  const { written } = all;
  const words = () => {
    const raw = isAsWritten ? written.items.routes.get(name) : undefined;
    return raw === undefined
      ? routeWords(route, useWords(route.service, all), written.defaults)
      : withoutSecrets(withoutPreset(raw));
  };
  return { section: "routes", name, origin, words };
}

function streamItem(route: StreamRoute, all: Everything): Item {
  const { name, origin } = route;
  const { written } = all;
  const words = () => {
    const raw = isOfFile(origin) ? written.items.tcpRoutes.get(name) : undefined;
    return raw === undefined
      ? streamRouteWords(route, useWords(route.service, all), written.defaults)
      : withoutSecrets(raw);
  };
  return { section: "tcpRoutes", name, origin, words };
}

function serviceItem(service: Service, { written, snapshot }: Everything): Item {
  const { name, origin } = service;
  const words = () => {
    const raw = isOfFile(origin) ? written.items.services.get(name) : undefined;
    return raw === undefined
      ? serviceWords(service, snapshot.services)
      : withoutSecrets(withoutPreset(raw));
  };
  return { section: "services", name, origin, words };
}

function overlayItem(overlay: Overlay, isServed: boolean): ServedItem {
  const { route: name, origin } = overlay;
  return { section: "overlays", name, origin, isServed, words: () => overlayWords(overlay) };
}

function certificateItem(item: CertificateItem): ServedItem {
  const { name, origin, held } = item;
  const words = () => certificateWords(item);
  return { section: "certificates", name, origin, isServed: held.length > 0, words };
}

/** The name of a service; or all of one that is written within its route. */
function useWords(name: string | undefined, all: Everything): unknown {
  if (name === undefined) return undefined;
  const { services } = all.snapshot;
  const service = services.get(name);
  if (service === undefined || isItsOwn(service, all)) return name;
  return serviceWords(service, services) ?? name;
}
