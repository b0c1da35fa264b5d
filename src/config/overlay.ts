// A change of a route that somebody else wrote: a container's gets other timeouts or goes elsewhere, and nobody
// has to touch the container. What the overlay does not say stays as it is.

import { isAnswering, isKind } from "./middlewares/list.ts";
import { definitions } from "./middlewares/registry.ts";
import type { MiddlewareUse, Origin, Route } from "./snapshot.ts";

export interface Overlay {
  /** Of the route that is changed, as in the snapshot: `shop/web@docker`. */
  readonly route: string;
  readonly origin: Origin;
  readonly change: Partial<Omit<Route, "name" | "origin" | "middlewares" | "timeouts">> & {
    readonly timeouts?: Partial<Route["timeouts"]>;
    /** Take the place of those of the same kind; the others stay, unless `service` is said too. */
    readonly middlewares?: readonly MiddlewareUse[];
  };
}

/** A route and an overlay that are as before give the very same route: workers have it already. */
const known = new WeakMap<Overlay, WeakMap<Route, Route>>();

export function overlaid(route: Route, overlay: Overlay): Route {
  let made = known.get(overlay);
  if (made === undefined) known.set(overlay, (made = new WeakMap()));
  let result = made.get(route);
  if (result === undefined) made.set(route, (result = layOn(route, overlay)));
  return result;
}

function layOn(route: Route, { change }: Overlay): Route {
  const { timeouts, middlewares = [], ...rest } = change;
  const kinds = new Set(middlewares.map(nameOf));
  // Who is led elsewhere is not answered by what answered before.
  const isLed = "service" in change;
  const stay = route.middlewares.filter(
    (use) => !kinds.has(nameOf(use)) && !(isLed && isAnswering(use)),
  );
  return {
    ...route,
    ...rest,
    timeouts: { ...route.timeouts, ...timeouts },
    middlewares: inOrder(stay, middlewares),
  };
}

/**
 * As `resolve-route.ts` has them: what is said by keys around what is listed. Of lists both keep their order; a new one
 * goes before the first that usually comes later.
 */
function inOrder(
  stay: readonly MiddlewareUse[],
  others: readonly MiddlewareUse[],
): readonly MiddlewareUse[] {
  const isOfKey = (use: MiddlewareUse) => !("written" in use);
  const byKey = [...stay, ...others]
    .filter(isOfKey)
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  const listed = stay.filter((use) => !isOfKey(use));
  for (const use of others) {
    if (isOfKey(use)) continue;
    const later = listed.findIndex((each) => placeOf(each) > placeOf(use));
    listed.splice(later === -1 ? listed.length : later, 0, use);
  }
  const isFirst = ({ kind }: MiddlewareUse) => order.indexOf(kind) < order.indexOf("stripPrefix");
  return [...byKey.filter(isFirst), ...listed, ...byKey.filter((use) => !isFirst(use))];
}

function nameOf(use: MiddlewareUse): string {
  return "written" in use ? use.as || use.kind : use.kind;
}

function placeOf(use: MiddlewareUse): number {
  const name = nameOf(use);
  return isKind(name) ? definitions[name].place : 0;
}

/** Those of keys, in the order they run; see `resolve-route.ts`. */
const order: readonly MiddlewareUse["kind"][] = [
  "forceHttps",
  "redirectMatch",
  "stripPrefix",
  "replacePrefix",
  "replacePath",
  "addPrefix",
  "redirect",
  "respond",
  "whoami",
];
