// A request for a certificate (PKCS #10, RFC 2986): names, the public key, and proof that we have the private one.

import type { KeyObject } from "node:crypto";
import { explicit, integer, oid, sequence, setOf } from "./der.ts";
import { type Extension, extensionIds, extensionList } from "./extensions.ts";
import { alternativeNames } from "./names.ts";
import { publicInfo, signed } from "./signed.ts";

export interface RequestOptions {
  readonly key: KeyObject;
  /** DNS names, wildcards, IP addresses. */
  readonly names: readonly string[];
  /** The certificate shall say that it is no good without a stapled OCSP answer. */
  readonly mustStaple?: boolean;
}

const extensionRequest = "1.2.840.113549.1.9.14";
/** SEQUENCE { INTEGER 5 }: the status_request of TLS. */
export const stapleFeature = sequence(integer(5));

/** In DER. The names stand in SubjectAltName alone: the subject is for people, and authorities ignore it. */
export function certificateRequest({ key, names, mustStaple = false }: RequestOptions): Buffer {
  const extensions: Extension[] = [
    { id: extensionIds.alternativeNames, value: alternativeNames(names) },
  ];
  if (mustStaple) extensions.push({ id: extensionIds.tlsFeature, value: stapleFeature });
  const wishes = sequence(oid(extensionRequest), setOf(extensionList(extensions)));
  const noSubject = sequence();
  return signed(sequence(integer(0), noSubject, publicInfo(key), explicit(0, wishes)), key);
}
