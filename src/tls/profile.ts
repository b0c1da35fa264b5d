// What the named profiles mean to OpenSSL. After Mozilla's recommendations (server side TLS, version 5.7), except that AES-128
// goes before AES-256: it is as far beyond reach, and a handshake costs a tenth less.

import type { TlsProfile } from "../config/tls-settings.ts";

interface ProfileSettings {
  readonly minVersion: "TLSv1" | "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's names; of TLS 1.3 and older ones in one list. */
  readonly ciphers: string;
  readonly curves: string;
}

const suites13 = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];

const suites12 = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** For what cannot do better: old Windows, Android and Java. The level lets SHA-1 and 1024 bits through. */
const suitesOld = [
  "ECDHE-ECDSA-AES128-SHA256",
  "ECDHE-RSA-AES128-SHA256",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "@SECLEVEL=0",
];

// The first one is safe from what a quantum computer of later days could make of a recording (RFC 9794 calls it hybrid).
const curves = "X25519MLKEM768:X25519:P-256:P-384";

export const profiles: Readonly<Record<TlsProfile, ProfileSettings>> = {
  modern: { minVersion: "TLSv1.3", ciphers: suites13.join(":"), curves },
  intermediate: {
    minVersion: "TLSv1.2",
    ciphers: [...suites13, ...suites12].join(":"),
    curves,
  },
  old: {
    minVersion: "TLSv1",
    ciphers: [...suites13, ...suites12, ...suitesOld].join(":"),
    curves,
  },
};
