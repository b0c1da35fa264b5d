// What a certificate says of itself, as plain data: what others choose it by, watch its end by, and ask its
// authority about it with.

import type { X509Certificate } from "node:crypto";
import { certificateName, namesWithin } from "./names.ts";
import { stapleFeature } from "./certificate-request.ts";
import { integer } from "./der.ts";
import { oidText, readDer } from "./der-reader.ts";
import { extensionIds, type Extensions, extensionsOf, partsIn } from "./extensions.ts";

export interface CertificateFacts {
  /** DNS names, wildcards and addresses in one spelling (`covers` compares with them). */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** `ec`, `rsa`, `ed25519`, … */
  readonly keyType: string;
  readonly mustStaple: boolean;
  readonly ocspUrl: string | undefined;
  /** By which the authority's renewal information is asked for; undefined when it lacks what that needs. */
  readonly ariId: string | undefined;
  /** SHA-256 of the whole certificate in 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** For people. */
  readonly issuer: string;
  readonly subject: string;
  readonly isAuthority: boolean;
}

const ocspAccess = "1.3.6.1.5.5.7.48.1";
const issuerAccess = "1.3.6.1.5.5.7.48.2";
const uriTag = 0x86;
const keyIdTag = 0x80;
// Addresses in certificates are short; so are names for people.
const maxUrl = 2048;
const maxTitle = 200;

/** @param extensions of it, for whoever has them already: ten thousand certificates are read at a start */
export function factsOf(
  certificate: X509Certificate,
  extensions: Extensions = extensionsOf(certificate.raw),
): CertificateFacts {
  return {
    names: namesOf(certificate, extensions),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    keyType: certificate.publicKey.asymmetricKeyType ?? "unknown",
    mustStaple: wantsStaple(extensions),
    ocspUrl: accessUrl(extensions, ocspAccess),
    ariId: ariIdentifier(certificate, extensions),
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    issuer: titleOf(certificate.issuer),
    subject: titleOf(certificate.subject),
    isAuthority: certificate.ca,
  };
}

/** RFC 9773 section 4.1: the key id of the authority and the serial number, as their DER has them. */
export function ariIdentifier(
  certificate: X509Certificate,
  extensions: Extensions = extensionsOf(certificate.raw),
): string | undefined {
  const authority = extensions.get(extensionIds.authorityKeyId);
  const parts = partsIn(authority === undefined ? undefined : readDer(authority));
  const keyId = parts.find(({ tag }) => tag === keyIdTag)?.content;
  const serial = integer(Buffer.from(certificate.serialNumber, "hex"));
  const digits = readDer(serial)?.content;
  if (keyId === undefined || digits === undefined) return undefined;
  return `${keyId.toString("base64url")}.${digits.toString("base64url")}`;
}

/** Where the certificate of its issuer can be had; undefined when it does not say so. */
export function issuerUrl(extensions: Extensions): string | undefined {
  return accessUrl(extensions, issuerAccess);
}

/** The common name, or all of the name where there is none. */
export function titleOf(name: string | undefined): string {
  const lines = (name ?? "").split("\n");
  const common = lines.findLast((line) => line.startsWith("CN="))?.slice(3);
  return (common ?? lines.join(", ")).slice(0, maxTitle).replace(/[\p{Cc}]/gu, " ");
}

/** The common name only where there is no SubjectAltName. */
export function namesOf(
  certificate: X509Certificate,
  extensions: Extensions = extensionsOf(certificate.raw),
): readonly string[] {
  const alternative = extensions.get(extensionIds.alternativeNames);
  const element = alternative === undefined ? undefined : readDer(alternative);
  if (element !== undefined) return namesWithin(element.content);
  // Browsers look at it no more; programs within a company still do.
  const common = certificateName(titleOf(certificate.subject));
  return common === undefined ? [] : [common.value];
}

function wantsStaple(extensions: Extensions): boolean {
  const feature = extensions.get(extensionIds.tlsFeature);
  const wanted = readDer(stapleFeature)?.content;
  const parts = partsIn(feature === undefined ? undefined : readDer(feature));
  return wanted !== undefined && parts.some(({ whole }) => whole.equals(wanted));
}

function accessUrl(extensions: Extensions, method: string): string | undefined {
  const access = extensions.get(extensionIds.authorityAccess);
  for (const description of partsIn(access === undefined ? undefined : readDer(access))) {
    const [id, place] = partsIn(description);
    if (id === undefined || place?.tag !== uriTag || oidText(id.content) !== method) continue;
    const text = place.content.toString("latin1");
    const isWeb = /^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text);
    if (isWeb && text.length <= maxUrl) return text;
  }
  return undefined;
}
