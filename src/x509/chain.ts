// The order in which a server shows its certificates: its own, then who signed it, and so on, up to and without
// the root, which clients have or do not trust anyway. Files have them in any order, and with strangers.

import type { X509Certificate } from "node:crypto";
import { extensionIds, extensionsOf } from "./extensions.ts";

export interface Chain {
  /** Beginning with the given one. */
  readonly ordered: readonly X509Certificate[];
  /** The self-signed one at its end, if it was there. */
  readonly root: X509Certificate | undefined;
}

/** A signature takes half a millisecond to look at: where the ids of keys say whose it is, that is left to `forgedLink`. */
export function chainOf(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  now: number,
): Chain {
  const ordered = [leaf];
  for (let last = leaf; !isSelfSigned(last);) {
    const named = others.filter((each) => !ordered.includes(each) && isNamed(each, last));
    // One authority may have several certificates: its root, and one signed by an older root, which is what
    // whoever put it there wants shown. One that has run out serves nobody.
    const best = signersOf(last, named).toSorted((a, b) => rank(b, now) - rank(a, now))[0];
    if (best === undefined) return { ordered, root: undefined };
    if (isSelfSigned(best)) return { ordered, root: best };
    ordered.push(best);
    last = best;
  }
  return { ordered, root: undefined };
}

/** Of two one above the other: the upper one should have signed the lower one, and did not. */
export interface ForgedLink {
  readonly lower: X509Certificate;
  readonly upper: X509Certificate;
}

/** One of its two is damaged. @param chain each signed by the next one */
export function forgedLink(chain: readonly X509Certificate[]): ForgedLink | undefined {
  for (const [at, lower] of chain.entries()) {
    const upper = chain[at + 1];
    if (upper !== undefined && !hasSigned(upper, lower)) return { lower, upper };
  }
  return undefined;
}

/** @param named as its issuer */
function signersOf(
  certificate: X509Certificate,
  named: readonly X509Certificate[],
): readonly X509Certificate[] {
  if (named.length === 0) return named;
  const byKey = extensionsOf(certificate.raw).has(extensionIds.authorityKeyId)
    ? named.filter((each) => extensionsOf(each.raw).has(extensionIds.subjectKeyId))
    : [];
  if (byKey.length === 1 && named.length === 1) return byKey;
  const signers = named.filter((each) => hasSigned(each, certificate));
  return signers.length > 0 ? signers : byKey;
}

function rank(certificate: X509Certificate, now: number): number {
  const isOver = certificate.validToDate.getTime() < now;
  return (isOver ? 0 : 2) + (isSelfSigned(certificate) ? 0 : 1);
}

export function isSelfSigned(certificate: X509Certificate): boolean {
  return isNamed(certificate, certificate) && hasSigned(certificate, certificate);
}

/** Namesakes are told apart by the id of the key, where that is there. */
function isNamed(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer);
}

/** By whom each was found to be signed, or not: thousands of files have the same few authorities in them. */
const known = new WeakMap<X509Certificate, WeakMap<X509Certificate, boolean>>();

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  const signers = known.get(certificate) ?? new WeakMap<X509Certificate, boolean>();
  const before = signers.get(issuer);
  if (before !== undefined) return before;
  const found = isVerified(issuer, certificate);
  known.set(certificate, signers.set(issuer, found));
  return found;
}

function isVerified(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false; // a key or a signature of a kind that OpenSSL does not know
  }
}
