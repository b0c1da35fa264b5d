// A change of a route that somebody else wrote: a container's gets other timeouts or goes elsewhere, and nobody
// has to touch the container. What the overlay does not say stays as it is.

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

/** In the order they run; see `resolve-route.ts`. */
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

/** They answer by themselves, so nothing behind them is reached. */
const answering: readonly MiddlewareUse["kind"][] = ["redirect", "respond", "whoami"];

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
  const kinds = new Set(middlewares.map(({ kind }) => kind));
  // Who is led elsewhere is not answered by what answered before.
  const isLed = "service" in change;
  const stay = route.middlewares.filter(
    ({ kind }) => !kinds.has(kind) && !(isLed && answering.includes(kind)),
  );
  return {
    ...route,
    ...rest,
    timeouts: { ...route.timeouts, ...timeouts },
    middlewares: [...stay, ...middlewares].toSorted(
      (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind),
    ),
  };
}
