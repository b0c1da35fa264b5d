// Certificates as sources keep them: under a name of their own, or under `tls` and the host that they are for.

import { hostMark } from "../config/certificate-item.ts";
import { type ItemSection, itemSections } from "../config/item.ts";

/** As an item: what is left out is told of by whoever reads it. */
export function certificateText(cert: string | undefined, key: string | undefined): string {
  return JSON.stringify({ cert, key });
}

/**
 * What stands under a word and a name; undefined = nothing of ours.
 * @param word `routes`, `tls` …
 */
export function itemAt(
  word: string,
  name: string,
): { readonly section: ItemSection; readonly name: string } | undefined {
  if (`${word}:` === hostMark) return { section: "certificates", name: `${hostMark}${name}` };
  const section = itemSections.find((each) => each === word);
  return section === undefined ? undefined : { section, name };
}
