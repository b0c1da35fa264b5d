// What operators change of routes that somebody else wrote. Whoever keeps an overlay may change what is trusted
// less than themselves, and their own; only the store, which its users change knowingly, the file's too. And
// nobody gets at a host by it that their routes may not be for.

import type { Collection } from "../config/collection.ts";
import { storeSource } from "../config/item.ts";
import { overlaid, type Overlay } from "../config/overlay.ts";
import type { Route } from "../config/snapshot.ts";
import { isWithin, ownerOf, type Refusal } from "./ownership.ts";

interface Kept {
  readonly overlay: Overlay;
  readonly collection: Collection;
}

export class Overlays {
  /** By the route's name, the most trusted first. */
  readonly #byRoute = new Map<string, Kept[]>();
  /** Of those that somebody changes: each is asked for again and again. */
  readonly #changed = new Map<Route, Route>();
  readonly #used = new Set<string>();
  /** Sources in the order of trust. */
  readonly #trust: ReadonlyMap<string, number>;
  readonly #refusals: Refusal[];

  constructor(collections: readonly Collection[], refusals: Refusal[]) {
    this.#trust = new Map([
      ["file", -1],
      ...collections.map(({ provider }, at): [string, number] => [provider, at]),
    ]);
    this.#refusals = refusals;
    for (const collection of collections) {
      for (const overlay of collection.overlays) {
        const kept = { overlay, collection };
        const known = this.#byRoute.get(overlay.route);
        if (known === undefined) this.#byRoute.set(overlay.route, [kept]);
        else known.push(kept);
      }
    }
  }

  /** As it is wanted, the most trusted overlay laid on last; the same route where nobody wants anything. */
  on(route: Route): Route {
    const all = this.#byRoute.get(route.name);
    if (all === undefined) return route;
    let changed = this.#changed.get(route);
    if (changed === undefined) {
      changed = all
        .filter((each) => this.#isAllowed(route, each))
        .reduceRight((under, { overlay }) => overlaid(under, overlay), route);
      this.#changed.set(route, changed);
      this.#used.add(route.name);
    }
    return changed;
  }

  #isAllowed(route: Route, { overlay, collection: { provider, hosts } }: Kept): boolean {
    const { origin } = overlay;
    const anywhere = this.#trust.size;
    const own = this.#trust.get(provider) ?? anywhere;
    if (provider !== storeSource && (this.#trust.get(route.origin.provider) ?? anywhere) < own) {
      const owner = ownerOf(route.origin.provider);
      const message = `${route.name} belongs to ${owner}, which is trusted more than ${provider}: it is changed there, or in the store`;
      this.#refusals.push({ origin, message });
      return false;
    }
    if (hosts === undefined) return true;
    return [route, overlaid(route, overlay)].every((each) =>
      isWithin({ ...each, origin }, hosts, provider, this.#refusals),
    );
  }

  /** Tells of those whose route is not there. Called when all routes are through. */
  tellUnused(): void {
    for (const [route, all] of this.#byRoute) {
      if (this.#used.has(route)) continue;
      const message = `there is no route called ${route} to change; until there is one this does nothing`;
      for (const { overlay } of all) this.#refusals.push({ origin: overlay.origin, message });
    }
  }
}
