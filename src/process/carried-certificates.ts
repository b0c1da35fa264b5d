// A certificate that is bad now, in what a source says to a program that has just begun to ask it: what was there before is shown
// on, as who asked before knew it. Otherwise a new start, or another timeout in the file, would end what is shown for a host.

import type { CertificateItem } from "../config/certificate-item.ts";
import type { Collection } from "../config/collection.ts";
import type { Gathered } from "../providers/provider.ts";

/** @param before what counted until now @returns the same word where there is nothing to carry over */
export function withCarried(before: Collection | undefined, word: Gathered): Gathered {
  const { collection, findings } = word;
  const lost = collection.certificates.filter(isLost);
  if (before === undefined || lost.length === 0) return word;
  const known = new Map(before.certificates.map(({ name, held }) => [name, held]));
  const carried = new Map<string, CertificateItem>();
  for (const each of lost) {
    const held = known.get(each.name) ?? [];
    if (held.length > 0) carried.set(each.name, withHeld(each, held));
  }
  if (carried.size === 0) return word;
  const certificates = collection.certificates.map((each) => carried.get(each.name) ?? each);
  return {
    ...word,
    collection: { ...collection, certificates },
    findings: findings.map((each) => {
      const isCarried = each.state === "not used" && carried.has(`${each.name}@${each.provider}`);
      return isCarried ? { ...each, state: "as it was before" } : each;
    }),
  };
}

function isLost({ trouble, held }: CertificateItem): boolean {
  return trouble !== "" && held.length === 0;
}

/** With each word it is the same object, as long as the item is. */
const made = new WeakMap<CertificateItem, CertificateItem>();

function withHeld(item: CertificateItem, held: CertificateItem["held"]): CertificateItem {
  const known = made.get(item);
  if (known?.held === held) return known;
  const now = { ...item, held };
  made.set(item, now);
  return now;
}
