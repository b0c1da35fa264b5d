// Keys that nobody can speak TLS with: most clients refuse them, and OpenSSL itself some of them.

import type { KeyObject } from "node:crypto";

/** Of others no client has heard, or none takes them any more. undefined: its parameters are written out. */
const curves: ReadonlySet<string | undefined> = new Set([
  ...["prime256v1", "secp384r1", "secp521r1"],
  ...["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", undefined],
]);

const leastBits = 2048;

const remedy = "make one of EC (P-256) or of RSA with 2048 bits";

/** A sentence; undefined = it will do. */
export function keyFault(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve, modulusLength = 0 } = {} } =
    key;
  if (type === "ec") {
    return curves.has(namedCurve)
      ? undefined
      : `its key is on the curve ${namedCurve}, which clients do not take: ${remedy}`;
  }
  if (type !== "rsa")
    return `its key is of the kind ${type}, which browsers do not take: ${remedy}`;
  return modulusLength >= leastBits
    ? undefined
    : `its key has ${modulusLength} bits, and clients refuse less than ${leastBits}: ${remedy}`;
}
