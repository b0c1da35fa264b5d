// The routes of one table and their entries, and what is different from the table before. Routes are known
// again by identity: what is the same object has the same rule, so its conditions need not be made again.

import type { Route } from "../config/snapshot.ts";
import { entriesOf } from "./entry.ts";
import type { Entry } from "./entry.ts";

export interface Filing<T> {
  readonly routes: readonly Route[];
  /** Of each route, in the order of `routes`. */
  readonly entries: readonly (readonly Entry<T>[])[];
}

export interface Filed<T> {
  readonly filing: Filing<T>;
  /**
   * Entries that came, went, or stand elsewhere among the others. Of two that changed places at least one is
   * named: the one that stood first was passed over when the other was met.
   */
  readonly changed: readonly Entry<T>[];
}

/** Makes the plan of a route; `known` is the one that the same route had before. */
export type PlanMaker<T> = (route: Route, known: T | undefined) => T;

export function fileAll<T>(
  routes: readonly Route[],
  planOf: PlanMaker<T>,
  before: Filing<T>,
): Filed<T> {
  const placeOf = placesIn(before.routes);
  const entries: (readonly Entry<T>[])[] = [];
  const changed: (readonly Entry<T>[])[] = [];
  let next = 0;
  /** Routes of before up to here were met or passed over. */
  let passed = 0;
  for (const route of routes) {
    const place = placeOf(route, next);
    const known = place === undefined ? undefined : before.entries[place];
    if (place !== undefined) {
      if (place > passed) changed.push(before.entries.slice(passed, place).flat());
      next = place + 1;
      passed = Math.max(passed, next);
    }
    const own = refile(route, planOf(route, known?.[0]?.plan), known);
    if (own !== known) changed.push(own);
    entries.push(own);
  }
  changed.push(before.entries.slice(passed).flat());
  return { filing: { routes, entries }, changed: changed.flat() };
}

/** Nearly always a route stands where it is expected. */
function placesIn(
  routes: readonly Route[],
): (route: Route, expected: number) => number | undefined {
  let places: Map<Route, number> | undefined;
  return (route, expected) => {
    if (routes[expected] === route) return expected;
    places ??= new Map(routes.map((each, place) => [each, place]));
    return places.get(route);
  };
}

function refile<T>(
  route: Route,
  plan: T,
  known: readonly Entry<T>[] | undefined,
): readonly Entry<T>[] {
  if (known === undefined) return entriesOf(route, plan);
  const isSame = known.every((entry) => entry.plan === plan);
  return isSame ? known : known.map((entry) => ({ ...entry, plan }));
}
