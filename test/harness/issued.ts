// Certificates of an authority of the test's own, with any names and times, made in a millisecond each.

import { generateKeyPairSync } from "node:crypto";
import { issueCertificate, newAuthority } from "../../src/x509/issue-certificate.ts";
import { keyPem, newKey } from "../../src/x509/signed.ts";

export interface IssuedOptions {
  readonly kind?: "ec" | "rsa";
  /** When it was made, ms since 1970. */
  readonly now?: number;
  readonly days?: number;
}

export interface Issued {
  /** PEM, without those above it. */
  readonly cert: string;
  readonly key: string;
}

const root = newAuthority({ name: "test root", days: 3650 });
const between = newAuthority({ name: "test authority", days: 3600, by: root });

/** PEM of who has to be trusted. */
export const trustedRoot = root.cert;
/** PEM of who signed all of them. */
export const issuer = between.cert;

export function issued(names: readonly string[], options: IssuedOptions = {}): Issued {
  const { kind = "ec", now = Date.now(), days = 90 } = options;
  const key = newKey(kind);
  return { cert: issueCertificate(between, { names, key, now, days }), key: keyPem(key) };
}

/** Of a kind that browsers do not take. */
export function issuedEd25519(name: string): Issued {
  const { privateKey } = generateKeyPairSync("ed25519");
  const cert = issueCertificate(between, { names: [name], key: privateKey, days: 90 });
  return { cert, key: keyPem(privateKey) };
}
