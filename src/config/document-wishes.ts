// Which documents a snapshot needs: those that middlewares of its routes, services and listeners name, and lists of
// trusted proxies.

import type { DocumentWish } from "./documents.ts";
import type { Listener, Route } from "./snapshot.ts";
import type { Service } from "./service.ts";

interface Wanting {
  readonly kind: string;
  readonly documents?: readonly DocumentWish[] | undefined;
}

interface Owner {
  readonly name: string;
  readonly middlewares?: readonly Wanting[] | undefined;
}

export interface Wanters {
  readonly routes: readonly Route[];
  readonly listeners: readonly Listener[];
  readonly services: ReadonlyMap<string, Service>;
}

/** By name; where several want the same, the one that wants it soonest again. */
export function documentWishesOf(wanters: Wanters): ReadonlyMap<string, DocumentWish> {
  const wishes = new Map<string, DocumentWish>();
  const add = (wish: DocumentWish) => {
    const known = wishes.get(wish.name);
    if (
      known === undefined ||
      (known.from === "url" && wish.from === "url" && wish.every < known.every)
    )
      wishes.set(wish.name, wish);
  };
  const addAll = (uses: readonly Wanting[]) => {
    for (const { documents } of uses) documents?.forEach(add);
  };
  const { routes, listeners, services } = wanters;
  for (const { middlewares } of routes) addAll(middlewares);
  for (const each of [...listeners, ...services.values()]) addAll(usesOf(each));
  for (const { trustedLists } of listeners) trustedLists?.forEach(({ wish }) => add(wish));
  return wishes;
}

/** Those that have middlewares of their own. */
function usesOf(owner: Owner): readonly Wanting[] {
  return owner.middlewares ?? [];
}
