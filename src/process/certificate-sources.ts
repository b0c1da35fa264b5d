// Certificates of all places together, in the order of trust: files, then what is kept elsewhere, then those that are had by
// themselves. One that is in several places is there once.

import type { CertificateItem } from "../config/certificate-item.ts";
import type { Certificate } from "../config/certificate.ts";

/** The items among them that were not there before are others, or were read anew. */
export function isSameItems(
  a: readonly CertificateItem[],
  b: readonly CertificateItem[] | undefined,
): boolean {
  return a === b || (a.length === b?.length && a.every((each, at) => each === b[at]));
}

export function inOrderOfTrust(
  ofFiles: readonly Certificate[],
  said: readonly CertificateItem[],
  own: readonly Certificate[],
): readonly Certificate[] {
  if (said.length === 0) return [...ofFiles, ...own];
  const known = new Set(ofFiles.map(({ id }) => id));
  const more: Certificate[] = [];
  for (const { held } of said) {
    for (const { certificate } of held) {
      if (known.has(certificate.id)) continue;
      known.add(certificate.id);
      more.push(certificate);
    }
  }
  return [...ofFiles, ...more, ...own];
}
