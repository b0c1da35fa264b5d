// Extensions of certificates (RFC 5280 section 4.2), as we write them and as others wrote them.

import { boolean, explicit, octetString, oid, sequence } from "./der.ts";
import { type DerElement, oidText, partsOf, readDer } from "./der-reader.ts";

export const extensionIds = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  alternativeNames: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  authorityAccess: "1.3.6.1.5.5.7.1.1",
  /** TLS Feature, RFC 7633: with status_request in it, "must staple". */
  tlsFeature: "1.3.6.1.5.5.7.1.24",
  /** RFC 8737 */
  acmeIdentifier: "1.3.6.1.5.5.7.1.31",
} as const;

export interface Extension {
  readonly id: string;
  readonly value: Buffer;
  readonly isCritical?: boolean;
}

/** The SEQUENCE of them, as it stands in certificates and in requests. */
export function extensionList(extensions: readonly Extension[]): Buffer {
  const each = extensions.map(({ id, value, isCritical = false }) =>
    sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octetString(value)),
  );
  return sequence(...each);
}

/** In certificates they are the third of the parts that may be missing. */
export function certificateExtensions(extensions: readonly Extension[]): Buffer {
  return explicit(3, extensionList(extensions));
}

const extensionsTag = 0xa3;

/** Values by id. */
export type Extensions = ReadonlyMap<string, Buffer>;

/** Several ask for those of one certificate, and an authority's are asked for with each that it signed. */
const known = new WeakMap<Buffer, Extensions>();

/** Of a certificate in DER. Empty when it has none, or is no certificate. */
export function extensionsOf(der: Buffer): Extensions {
  let found = known.get(der);
  if (found === undefined) known.set(der, (found = extensionsIn(der)));
  return found;
}

function extensionsIn(der: Buffer): Extensions {
  const found = new Map<string, Buffer>();
  const toSign = firstPart(readDer(der));
  const wrapped = partsIn(toSign).find(({ tag }) => tag === extensionsTag);
  for (const extension of partsIn(firstPart(wrapped))) {
    const parts = partsIn(extension);
    const [id] = parts;
    const value = parts.at(-1);
    const name = id === undefined ? undefined : oidText(id.content);
    if (name !== undefined && value !== undefined) found.set(name, value.content);
  }
  return found;
}

function firstPart(element: DerElement | undefined): DerElement | undefined {
  return partsIn(element)[0];
}

export function partsIn(element: DerElement | undefined): readonly DerElement[] {
  return (element === undefined ? undefined : partsOf(element.content)) ?? [];
}
