// A certificate that is kept by itself outside the file, as it was read: in the store, in Redis, in etcd. What it may say is
// its schema; keys are in it, so nothing of this kind is shown as it is.

import * as z from "zod";
import type { Certificate } from "./certificate.ts";
import { sources } from "./provider-limits.ts";
import { secretMapping } from "./secret-scalar.ts";
import type { Origin } from "./snapshot.ts";

const pem = (what: string) => {
  const message = `must be ${what} as a PEM text`;
  return z
    .string(message)
    .min(1, message)
    .max(sources.itemBytes, `is longer than ${sources.itemBytes / 1024} KiB`);
};

export const certificateItem = secretMapping({
  cert: pem("the certificate").meta({
    description: "PEM: the certificate, and those between it and its root, in any order.",
  }),
  key: pem("the key").meta({
    description: "PEM, not encrypted. It is never shown again: `(not shown)` leaves it as it is.",
    writeOnly: true,
  }),
});

export type CertificateInput = z.output<typeof certificateItem>;

export interface CertificateItem {
  /** `shop@store`; of a key that is named for a host `tls:shop.example.com@redis`. */
  readonly name: string;
  readonly origin: Origin;
  /** For each key that is in it: ECDSA and RSA may stand side by side. None = it could never be used. */
  readonly held: readonly CertificatePair[];
  /** Why what is there now cannot be used; "" = it can. What was there before is in `held`. */
  readonly trouble: string;
  /** When `trouble` was found, ms since 1970. */
  readonly since: number;
}

export interface CertificatePair {
  readonly certificate: Certificate;
  /** For people. */
  readonly issuer: string;
  /** What is odd about it and does no harm: sentences. */
  readonly remarks: readonly string[];
}

/** Begins names of items that say in their name which host they are for. */
export const hostMark = "tls:";

/** undefined = its name names none. @param name of the item, with or without `@` */
export function hostInName(name: string): string | undefined {
  return name.startsWith(hostMark) ? name.slice(hostMark.length).replace(/@.*$/s, "") : undefined;
}
