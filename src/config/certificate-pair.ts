// A pair that stood in a PEM text as the certificate that clients are shown; or why they would not take it.

import type { BundlePair } from "../x509/bundle.ts";
import type { Certificate } from "./certificate.ts";
import { certificateLimits } from "./tls-limits.ts";
import type { Origin } from "./snapshot.ts";

/** undefined = it can be shown. */
export function unusable({ facts }: BundlePair): string | undefined {
  const { names } = facts;
  if (names.length === 0) return "it is for no host name: it needs a subjectAltName";
  if (names.length > certificateLimits.names) {
    return `it has ${names.length} names, and ${certificateLimits.names} are the most`;
  }
  return undefined;
}

export function certificateOf({ facts, cert, key }: BundlePair, origin: Origin): Certificate {
  const { fingerprint: id, names, notBefore, notAfter, keyType } = facts;
  return {
    ...{ id, names, notBefore, notAfter, chain: cert, key, origin, staple: undefined },
    kind: keyType === "rsa" ? "rsa" : "ec",
  };
}
