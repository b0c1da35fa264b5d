// Trusted proxies that are told by somebody else's lists: what is known of these now is added to those that are configured,
// so that who serves has plain networks.

import { documentLimits as limits } from "../config/document-limits.ts";
import type { Documents } from "../config/documents.ts";
import type { Listener, TrustedList } from "../config/snapshot.ts";
import { networkTexts } from "../lib/network-list.ts";

/** The same list when none of them names any. */
export function withTrusted(
  listeners: readonly Listener[],
  documents: Documents,
): readonly Listener[] {
  const isAny = listeners.some(({ trustedLists }) => trustedLists !== undefined);
  return isAny ? listeners.map((each) => trusting(each, documents)) : listeners;
}

function trusting(listener: Listener, documents: Documents): Listener {
  const { trustedLists = [] } = listener;
  const more = trustedLists.flatMap((list) => networksOf(list, documents));
  return { ...listener, trustedProxies: [...listener.trustedProxies, ...more] };
}

function networksOf({ wish, builtIn }: TrustedList, documents: Documents): readonly string[] {
  const document = documents.get(wish.name);
  if (document === undefined) return builtIn;
  return networkTexts(document.text, { most: limits.trusted, depth: limits.depth }) ?? builtIn;
}
