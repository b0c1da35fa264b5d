// Conflicts of one list of routes after the other, where mostly one route differs: only those that compete with
// what changed are compared again.

import type { Route } from "../config/snapshot.ts";
import { type Claim, claimsOf, type Conflict, conflictsIn } from "./conflicts.ts";

export class ConflictBook {
  #routes: readonly Route[] = [];
  /** Claims that are compared with one another, in the order of the routes. */
  readonly #groups = new Map<string, Claim[]>();
  /** Groups of more than one. */
  readonly #crowded = new Map<string, readonly Claim[]>();

  /** As `findConflicts`. */
  find(routes: readonly Route[]): readonly Conflict[] {
    const before = this.#routes;
    this.#routes = routes;
    // What stands before and after all that changed keeps its place among the others.
    const head = sameHead(before, routes);
    const tail = sameTail(before, routes, head);
    const touched = new Set<string>();
    this.#remove(before.slice(head, before.length - tail), touched);
    this.#add(routes.slice(head, routes.length - tail), touched);
    this.#settle(touched, routes);
    return conflictsIn(this.#crowded.values());
  }

  #remove(routes: readonly Route[], touched: Set<string>): void {
    const gone = new Set(routes);
    for (const route of routes) {
      for (const { key } of claimsOf(route)) {
        if (touched.has(key)) continue;
        touched.add(key);
        const left = (this.#groups.get(key) ?? []).filter((each) => !gone.has(each.route));
        this.#groups.set(key, left);
      }
    }
  }

  #add(routes: readonly Route[], touched: Set<string>): void {
    for (const route of routes) {
      for (const claim of claimsOf(route)) {
        touched.add(claim.key);
        const group = this.#groups.get(claim.key);
        if (group === undefined) this.#groups.set(claim.key, [claim]);
        else group.push(claim);
      }
    }
  }

  #settle(touched: ReadonlySet<string>, routes: readonly Route[]): void {
    // Ten thousand routes of one host are one group: looking for each among all would take seconds.
    let places: ReadonlyMap<Route, number> | undefined;
    for (const key of touched) {
      const group = this.#groups.get(key) ?? [];
      if (group.length === 0) this.#groups.delete(key);
      if (group.length < 2) {
        this.#crowded.delete(key);
        continue;
      }
      places ??= new Map(routes.map((each, place) => [each, place]));
      const placeOf = ({ route }: Claim) => places?.get(route) ?? 0;
      group.sort((a, b) => placeOf(a) - placeOf(b));
      this.#crowded.set(key, group);
    }
  }
}

function sameHead(a: readonly Route[], b: readonly Route[]): number {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  return head;
}

function sameTail(a: readonly Route[], b: readonly Route[], head: number): number {
  const most = Math.min(a.length, b.length) - head;
  let tail = 0;
  while (tail < most && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  return tail;
}
