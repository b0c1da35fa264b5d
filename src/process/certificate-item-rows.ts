// Certificates that are kept in the store, in Redis, in etcd, as operators see them: where they stand, and under which name the API
// has them.

import type { CertificateRow } from "../admin/operations.ts";
import type { HeldCertificate } from "../certificates/certificate-file.ts";
import { sources } from "../config/provider-limits.ts";
import type { CertificateItem } from "../config/certificate-item.ts";
import { faultRow, rowOf } from "./certificate-rows.ts";
import type { NeededNames } from "./needed-names.ts";
import { namesOf } from "./shown-item.ts";

export interface ShownItems {
  readonly items: readonly CertificateItem[];
  readonly needed: NeededNames;
  /** Providers that may have some hosts only: nobody has to be woken for what they write. */
  readonly guests: ReadonlySet<string>;
  /** ms since 1970 */
  readonly now: number;
  /** What an authority says of it. */
  withStaple(held: HeldCertificate): HeldCertificate;
}

export function certificateItemRows(shown: ShownItems): readonly CertificateRow[] {
  const isUsed = ({ held }: CertificateItem) => held.length > 0;
  // Who writes rubbish writes it thousands of times; `tidegate discover` counts the rest.
  const bad = shown.items.filter((each) => !isUsed(each)).slice(0, sources.findings);
  const told = new Set(bad);
  return shown.items
    .filter((each) => isUsed(each) || told.has(each))
    .flatMap((each) => rowsOf(each, shown));
}

function rowsOf(
  item: CertificateItem,
  { needed, guests, now, withStaple }: ShownItems,
): readonly CertificateRow[] {
  const { name, origin, held, trouble, since } = item;
  const source = `${origin.provider}: ${origin.place}`;
  const fault = trouble === "" ? undefined : { path: source, why: trouble, since };
  const names = namesOf(item);
  if (held.length === 0) {
    if (fault === undefined) return [];
    // A key of somebody else's that is called like one of ours wakes nobody, even where a route takes every host.
    const isNeeded =
      names === undefined ? !guests.has(origin.provider) : names.length > 0 && needed.has(names);
    return [{ ...faultRow(fault), item: name, isNeeded }];
  }
  return held.map((each) => ({
    ...rowOf(withStaple(each), fault, { needed, now }),
    source,
    item: name,
  }));
}
