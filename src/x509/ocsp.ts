// What an authority says of a certificate now (OCSP, RFC 6960): the question, and the reading of the answer. Only what the authority
// signed itself, or somebody whom it has allowed to, for this very certificate and for now, is believed.

import { createHash, verify, X509Certificate } from "node:crypto";
import { integer, nothing, octetString, oid, sequence } from "./der.ts";
import { type DerElement, oidText, readDer } from "./der-reader.ts";
import { extensionIds, extensionsOf, partsIn } from "./extensions.ts";

export type OcspReading =
  /** ms since 1970; `until` undefined = the authority names no end. */
  | { readonly kind: "good"; readonly from: number; readonly until: number | undefined }
  | { readonly kind: "revoked" }
  /** A sentence. */
  | { readonly kind: "bad"; readonly why: string };

const sha1 = "1.3.14.3.2.26";
const basicAnswer = "1.3.6.1.5.5.7.48.1.1";
const ocspSigning = "1.3.6.1.5.5.7.3.9";
const tag = { enumerated: 0x0a, generalizedTime: 0x18, sequence: 0x30, explicit: 0xa0 } as const;
const status = { good: 0x80, revoked: 0xa1 } as const;
/** Clocks differ. */
const skew = 5 * 60_000;
/** Answers have one, of whoever signed. */
const maxSigners = 4;

/** In DER, to be sent as application/ocsp-request. No nonce: the answer is for all clients of the next days. */
export function ocspRequest(leaf: X509Certificate, issuer: X509Certificate): Buffer {
  const { nameHash, keyHash, serial } = idOf(leaf, issuer);
  const algorithm = sequence(oid(sha1), nothing());
  const id = sequence(algorithm, octetString(nameHash), octetString(keyHash), integer(serial));
  return sequence(sequence(sequence(sequence(id))));
}

interface Id {
  readonly nameHash: Buffer;
  readonly keyHash: Buffer;
  readonly serial: Buffer;
}

/** By SHA-1, as a name and no proof: it is what every responder knows (RFC 5019 section 2.1.1). */
function idOf(leaf: X509Certificate, issuer: X509Certificate): Id {
  const hash = (bytes: Buffer) => createHash("sha1").update(bytes).digest();
  const [serial, , name] = bodyOf(leaf);
  const spki = bodyOf(issuer)[5];
  return {
    nameHash: hash(name?.whole ?? Buffer.alloc(0)),
    keyHash: hash(partsIn(spki)[1]?.content.subarray(1) ?? Buffer.alloc(0)),
    serial: serial?.content ?? Buffer.alloc(0),
  };
}

/** Serial number, algorithm, issuer, validity, subject, key; the version in front of them may be missing. */
function bodyOf({ raw }: X509Certificate): readonly DerElement[] {
  const parts = partsIn(partsIn(readDer(raw))[0]);
  return parts[0]?.tag === tag.explicit ? parts.slice(1) : parts;
}

export function readOcsp(
  answer: Buffer,
  leaf: X509Certificate,
  issuer: X509Certificate,
  now: number,
): OcspReading {
  const basic = basicOf(answer);
  if ("why" in basic) return basic;
  const [data, algorithm, signature, wrapped] = basic.parts;
  if (data === undefined || algorithm === undefined || signature === undefined) return malformed;
  const signers = partsIn(partsIn(wrapped)[0]).slice(0, maxSigners);
  const keys = [issuer, ...signers.flatMap((each) => delegated(each, issuer, now))];
  const bits = signature.content.subarray(1);
  if (!keys.some((each) => isSigned(data.whole, algorithm, bits, each))) {
    return bad("it is not signed by the certificate's authority, nor by whom that has allowed to");
  }
  return verdictOn(data, idOf(leaf, issuer), now);
}

function bad(why: string): { readonly kind: "bad"; readonly why: string } {
  return { kind: "bad", why };
}

const malformed = bad("it is no OCSP answer");

/** RFC 6960 section 4.2.1. */
const refusals: readonly string[] = [
  "",
  "it does not understand the question",
  "it has an error of its own",
  "it asks to be asked again later",
  "",
  "it wants questions to be signed",
  "it does not answer for this certificate",
];

function basicOf(answer: Buffer) {
  const whole = readDer(answer);
  if (whole?.tag !== tag.sequence || whole.whole.length !== answer.length) return malformed;
  const [code, wrapped] = partsIn(whole);
  if (code?.tag !== tag.enumerated || code.content.length !== 1) return malformed;
  const refusal = code.content[0] ?? 0;
  if (refusal !== 0) return bad(refusals[refusal] || `it refuses with code ${refusal}`);
  const [kind, content] = partsIn(partsIn(wrapped)[0]);
  if (kind === undefined || content === undefined) return malformed;
  if (oidText(kind.content) !== basicAnswer) return bad("it answers in a way that is not known");
  return { parts: partsIn(readDer(content.content)) };
}

/** Whom the authority has certified for this, and nobody else (section 4.2.2.2). */
function delegated(
  { whole }: DerElement,
  issuer: X509Certificate,
  now: number,
): readonly X509Certificate[] {
  try {
    const signer = new X509Certificate(whole);
    const usage = extensionsOf(signer.raw).get(extensionIds.extendedKeyUsage);
    const purposes = partsIn(usage === undefined ? undefined : readDer(usage));
    const mayAnswer = purposes.some(({ content }) => oidText(content) === ocspSigning);
    const isInTime =
      signer.validFromDate.getTime() - skew <= now && now < signer.validToDate.getTime() + skew;
    const isOurs = signer.checkIssued(issuer) && signer.verify(issuer.publicKey);
    return mayAnswer && isInTime && isOurs ? [signer] : [];
  } catch {
    return []; // rubbish, or a key that OpenSSL does not know
  }
}

/** SHA-1 is none of them: its signatures can be forged. */
const hashes: ReadonlyMap<string, string | null> = new Map([
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  ["1.3.101.112", null],
]);

function isSigned(
  data: Buffer,
  algorithm: DerElement,
  signature: Buffer,
  signer: X509Certificate,
): boolean {
  const name = oidText(partsIn(algorithm)[0]?.content ?? Buffer.alloc(0)) ?? "";
  const hash = hashes.get(name);
  if (hash === undefined) return false;
  try {
    return verify(hash, data, signer.publicKey, signature);
  } catch {
    return false; // a key of another kind than the signature
  }
}

/** Of several answers, the one for this certificate. */
function verdictOn(data: DerElement, id: Id, now: number): OcspReading {
  const list = partsIn(data).find((each) => each.tag === tag.sequence);
  const answer = partsIn(list).find((each) => isFor(partsIn(each)[0], id));
  if (answer === undefined) return bad("it is about other certificates");
  const [, verdict, thisUpdate, ...rest] = partsIn(answer);
  const from = timeOf(thisUpdate);
  if (verdict === undefined || from === undefined) return malformed;
  const next = rest.find((each) => each.tag === tag.explicit);
  const until = next === undefined ? undefined : timeOf(partsIn(next)[0]);
  if (next !== undefined && until === undefined) return malformed;
  if (from > now + skew) return bad("it begins later, unless the clock of this machine is wrong");
  if (until !== undefined && until <= now) return bad("it has run out");
  if (verdict.tag === status.revoked) return { kind: "revoked" };
  if (verdict.tag !== status.good) return bad("it does not know the certificate");
  return { kind: "good", from, until };
}

function isFor(element: DerElement | undefined, { nameHash, keyHash, serial }: Id): boolean {
  const [algorithm, name, key, number] = partsIn(element);
  const hash = partsIn(algorithm)[0];
  if (hash === undefined || name === undefined || key === undefined || number === undefined) {
    return false;
  }
  const isSame = nameHash.equals(name.content) && keyHash.equals(key.content);
  return oidText(hash.content) === sha1 && isSame && serial.equals(number.content);
}

/** `20261121093000Z`, perhaps with a fraction. */
function timeOf(element: DerElement | undefined): number | undefined {
  if (element?.tag !== tag.generalizedTime) return undefined;
  const text = element.content.toString("latin1");
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.\d+)?Z$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}
