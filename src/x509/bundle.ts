// What stands in a PEM text of certificates and keys, put in order: for each key the certificate that it belongs
// to, with its chain. Several pairs (ECDSA and RSA) may stand in one text. A text is somebody else's, and perhaps
// half-written: what can be used is used, and the rest is said. That something has run out is a fact, no problem.

import type { X509Certificate } from "node:crypto";
import {
  type CertificateFacts,
  factsOf,
  issuerUrl,
  namesOf,
  titleOf,
} from "./certificate-facts.ts";
import { type Chain, chainOf, type ForgedLink, forgedLink, isSelfSigned } from "./chain.ts";
import { extensionsOf } from "./extensions.ts";
import { keyFault } from "./key-fault.ts";
import { type PemKey, type PemObjects, readPemObjects } from "./pem-objects.ts";

export interface BundlePair {
  /** PEM: its own certificate first, then those above it. */
  readonly cert: string;
  /** PEM */
  readonly key: string;
  readonly facts: CertificateFacts;
  /** Of `cert`. */
  readonly chainLength: number;
}

export interface Bundle {
  readonly pairs: readonly BundlePair[];
  /** What keeps something of it from being used: sentences. */
  readonly problems: readonly string[];
  /** What is odd and does no harm. */
  readonly remarks: readonly string[];
}

export interface BundleOptions {
  /** That it was signed by who stands above it is not looked at: `damageOf` does that, later. */
  readonly isHasty?: boolean;
}

/** @param text where certificate and key are two files, both of them one behind the other */
export function readBundle(
  text: string,
  now = Date.now(),
  { isHasty = false }: BundleOptions = {},
): Bundle {
  const found = readPemObjects(text);
  const pairs: BundlePair[] = [];
  const problems = [...found.problems];
  const context: Context = { now, isHasty, remarks: [], placed: new Set() };
  for (const key of found.keys) {
    if (found.certificates.length === 0) break;
    const pair = pairFor(key, found, context);
    if (typeof pair === "string") problems.push(pair);
    else pairs.push(pair);
  }
  if (problems.length === 0 && pairs.length === 0) problems.push(lacking(found));
  if (pairs.length > 0) sayStrangers(found, context);
  return { pairs, problems, remarks: context.remarks };
}

/** What is left to be said of a chain that was read in haste: a sentence; undefined = nothing. */
export function damageOf(chain: string): string | undefined {
  const [leaf, above] = readChain(chain) ?? [];
  const forged = leaf && above && forgedLink([leaf, above]);
  return forged && damageText(forged);
}

/** The certificates of a text that begins with the one that counts, in order: what an authority sends. */
export function readChain(
  text: string,
  now = Date.now(),
): readonly [X509Certificate, ...X509Certificate[]] | undefined {
  const { certificates } = readPemObjects(text);
  const [leaf] = certificates;
  if (leaf === undefined) return undefined;
  const [, ...above] = chainOf(leaf, certificates, now).ordered;
  return [leaf, ...above];
}

interface Context {
  readonly now: number;
  readonly isHasty: boolean;
  readonly remarks: string[];
  /** What is in a chain, or was spoken of. */
  readonly placed: Set<X509Certificate>;
}

/** @returns or what is wrong */
function pairFor(
  { key, text, line }: PemKey,
  { certificates, pems }: PemObjects,
  { now, isHasty, remarks, placed }: Context,
): BundlePair | string {
  const fitting = certificates
    .filter((each) => each.checkPrivateKey(key))
    .toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime());
  const [leaf, ...older] = fitting;
  if (leaf === undefined) return foreignKey(line, certificates);
  const fault = keyFault(key);
  if (fault !== undefined) return fault;
  const others = certificates.filter((each) => !fitting.includes(each));
  const chain = chainOf(leaf, others, now);
  const { ordered, root } = chain;
  const links = [...ordered, ...(root === undefined ? [] : [root])];
  // What is looked at later is the chain as it is shown.
  const forged = forgedLink(isHasty && ordered.length > 1 ? links.slice(1) : links);
  if (forged !== undefined) return damageText(forged);
  for (const each of older) {
    remarks.push(
      `of several certificates with the same key the one that lasts longest is used; not ${title(each)} until ${each.validTo}`,
    );
  }
  if (root !== undefined && !placed.has(root)) {
    remarks.push(`the root ${title(root)} is not sent: clients have it, or do not trust it`);
  }
  const extensions = extensionsOf(leaf.raw);
  const missing = missingIssuer(leaf, chain, issuerUrl(extensions));
  if (missing !== undefined) remarks.push(missing);
  for (const each of [...fitting, ...ordered, root]) if (each !== undefined) placed.add(each);
  const cert = ordered.map((each) => pems.get(each) ?? "").join("");
  return { cert, key: text, facts: factsOf(leaf, extensions), chainLength: ordered.length };
}

function damageText({ lower, upper }: ForgedLink): string {
  return `${title(lower)} names ${title(upper)} as who signed it, which did not: one of the two is damaged`;
}

/** An authority with a page for its own certificate is one below a root. */
function missingIssuer(
  leaf: X509Certificate,
  { ordered, root }: Chain,
  url: string | undefined,
): string | undefined {
  const isWhole = ordered.length > 1 || root !== undefined || isSelfSigned(leaf);
  if (isWhole || url === undefined) return undefined;
  const issuer = titleOf(leaf.issuer);
  return `the certificate of the issuer, ${issuer}, is missing, and many clients will refuse: append it (${url})`;
}

function sayStrangers({ certificates }: PemObjects, { placed, remarks }: Context): void {
  for (const each of certificates) {
    if (placed.has(each)) continue;
    remarks.push(`the certificate ${title(each)} belongs to no chain, and is left out`);
  }
}

function foreignKey(line: number, certificates: readonly X509Certificate[]): string {
  const names = certificates.slice(0, 3).map(title).join(", ");
  return `the key of line ${line} does not belong to any certificate of it (${names}): it was made for another one`;
}

function lacking({ certificates, keys }: PemObjects): string {
  if (certificates.length === 0) {
    return keys.length > 0
      ? "no certificate is in it, only a key"
      : "no certificate is in it: it has to be PEM, with -----BEGIN CERTIFICATE-----";
  }
  return "no key is in it, only certificates: it begins with -----BEGIN PRIVATE KEY-----";
}

function title(certificate: X509Certificate): string {
  return titleOf(certificate.subject) || (namesOf(certificate)[0] ?? "without a name");
}
