// Certificates that we make ourselves: those of a local authority, and the answer to a tls-alpn-01 challenge (RFC 8737).
//
// All begin some minutes before they are made, since clocks differ, and have a random serial number of 128 bits
// (RFC 5280 allows 160), so that two authorities that were made anew under one name do not repeat each other.

import {
  createHash,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from "node:crypto";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
} from "./der.ts";
import { setOf, time, utf8String } from "./der.ts";
import {
  partsIn,
  certificateExtensions,
  type Extension,
  extensionIds,
  extensionsOf,
} from "./extensions.ts";
import { readDer } from "./der-reader.ts";
import { alternativeNames } from "./names.ts";
import { keyPem, newKey, pemOf, publicInfo, signed, signingOf } from "./signed.ts";

/** PEM texts. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Term {
  /** Milliseconds since 1970; by default the clock's. */
  readonly now?: number;
  readonly days: number;
}

const dayMs = 86_400_000;
const backdatedMs = 10 * 60_000;
const commonName = "2.5.4.3";
const serverAuth = "1.3.6.1.5.5.7.3.1";
/** digitalSignature; keyEncipherment as well, which RSA needs in TLS 1.2's oldest suites. */
const usage = { ec: bitString(Buffer.from([0x80]), 7), rsa: bitString(Buffer.from([0xa0]), 5) };
/** keyCertSign and cRLSign */
const authorityUsage = bitString(Buffer.from([0x06]), 1);

/** The certificate that answers a tls-alpn-01 challenge. @param digest SHA-256 of the key authorisation */
export function alpnCertificate(
  name: string,
  digest: Buffer,
  key: KeyObject,
  now = Date.now(),
): string {
  const subject = nameOf("ACME challenge");
  const extensions = [
    { id: extensionIds.alternativeNames, value: alternativeNames([name]) },
    { id: extensionIds.acmeIdentifier, value: octetString(digest), isCritical: true },
  ];
  const term = period({ now, days: 7 });
  return certificate({ subject, issuer: subject, key, signer: key, extensions, ...term });
}

export interface AuthorityOptions extends Term {
  readonly name: string;
  /** By default a new one. */
  readonly key?: KeyObject;
  /** Who signs it; nobody else for a root. Whoever it signs for can sign for servers alone. */
  readonly by?: Pair;
}

/** A root, or an authority between a root and servers. */
export function newAuthority({ name, key = newKey(), by, ...term }: AuthorityOptions): Pair {
  const subject = nameOf(name);
  // An authority below another one makes no further ones.
  const depth = by === undefined ? [] : [integer(0)];
  const extensions: Extension[] = [
    {
      id: extensionIds.basicConstraints,
      value: sequence(boolean(true), ...depth),
      isCritical: true,
    },
    { id: extensionIds.keyUsage, value: authorityUsage, isCritical: true },
    { id: extensionIds.subjectKeyId, value: octetString(keyId(key)) },
  ];
  const cert =
    by === undefined
      ? certificate({ subject, issuer: subject, key, signer: key, extensions, ...period(term) })
      : signedBy(by, { subject, key, extensions, ...period(term) });
  return { cert, key: keyPem(key) };
}

export interface IssueOptions extends Term {
  readonly names: readonly string[];
  /** The private key, or the public one. */
  readonly key: KeyObject;
}

/** A server's certificate, alone. It ends when its authority does, at the latest. */
export function issueCertificate(by: Pair, { names, key, ...term }: IssueOptions): string {
  const subject = nameOf(names[0] ?? "");
  const extensions = leafExtensions(names, key);
  return signedBy(by, { subject, key, extensions, ...period(term) });
}

interface Wanted {
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly extensions: readonly Extension[];
  readonly from: number;
  readonly until: number;
}

function signedBy(by: Pair, wanted: Wanted): string {
  const above = new X509Certificate(by.cert);
  const signer = createPrivateKey(by.key);
  const own = extensionsOf(above.raw).get(extensionIds.subjectKeyId);
  const id = (own === undefined ? undefined : readDer(own)?.content) ?? keyId(signer);
  return certificate({
    ...wanted,
    until: Math.min(wanted.until, above.validToDate.getTime()),
    issuer: subjectOf(above),
    signer,
    extensions: [...wanted.extensions, authorityKeyId(id)],
  });
}

function certificate(
  wanted: Wanted & { readonly issuer: Buffer; readonly signer: KeyObject },
): string {
  const { subject, issuer, key, signer, extensions, from, until } = wanted;
  const serial = randomBytes(16);
  // Neither negative nor shorter than the others.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const toSign = sequence(
    explicit(0, integer(2)),
    integer(serial),
    signingOf(signer).algorithm,
    issuer,
    sequence(time(from), time(until)),
    subject,
    publicInfo(key),
    certificateExtensions(extensions),
  );
  return pemOf("CERTIFICATE", signed(toSign, signer));
}

function leafExtensions(names: readonly string[], key: KeyObject): Extension[] {
  const isRsa = key.asymmetricKeyType === "rsa";
  return [
    { id: extensionIds.alternativeNames, value: alternativeNames(names) },
    { id: extensionIds.basicConstraints, value: sequence(), isCritical: true },
    { id: extensionIds.keyUsage, value: isRsa ? usage.rsa : usage.ec, isCritical: true },
    { id: extensionIds.extendedKeyUsage, value: sequence(oid(serverAuth)) },
    { id: extensionIds.subjectKeyId, value: octetString(keyId(key)) },
  ];
}

function authorityKeyId(id: Buffer): Extension {
  return { id: extensionIds.authorityKeyId, value: sequence(implicit(0, id)) };
}

/** Method 1 of RFC 5280 section 4.2.1.2: SHA-1 of the bits of the key, as a name and no proof. */
function keyId(key: KeyObject): Buffer {
  const bits =
    partsIn(readDer(publicInfo(key)))
      .at(-1)
      ?.content.subarray(1) ?? Buffer.alloc(0);
  return createHash("sha1").update(bits).digest();
}

// The limit of X.520: a longer name is not needed, as the names that count stand elsewhere.
const maxCommonName = 64;

function nameOf(text: string): Buffer {
  return sequence(setOf(sequence(oid(commonName), utf8String(text.slice(0, maxCommonName)))));
}

/** As it stands in there: whoever compares names compares bytes. */
function subjectOf(issuer: X509Certificate): Buffer {
  const parts = partsIn(partsIn(readDer(issuer.raw))[0]);
  // Version, serial number, algorithm, issuer, validity, subject.
  return parts[5]?.whole ?? nameOf("");
}

function period({ now = Date.now(), days }: Term) {
  return { from: now - backdatedMs, until: now + days * dayMs };
}
