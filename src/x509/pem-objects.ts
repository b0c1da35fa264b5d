// The certificates and keys that stand in a PEM text, each read by itself: what cannot be read is a sentence, and
// spoils nothing else.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readDer } from "./der-reader.ts";
import { type PemBlock, pemBlocks } from "./pem.ts";
import { pemOf } from "./signed.ts";

export interface PemKey {
  readonly key: KeyObject;
  /** PEM, as it was. */
  readonly text: string;
  /** Where it began, from 1. */
  readonly line: number;
}

/** All in the order of the text, each once. */
export interface PemObjects {
  readonly certificates: readonly X509Certificate[];
  /** PEM of each. To have it written anew takes as long as all the rest of reading it. */
  readonly pems: ReadonlyMap<X509Certificate, string>;
  readonly keys: readonly PemKey[];
  readonly problems: readonly string[];
}

// A certificate has 2 kB, a long chain five of them.
const maxCharacters = 512 * 1024;
const maxBlocks = 64;
// Thousands of files have the same few authorities in them, whose keys take long to read.
const maxAuthorities = 100;
const maxAuthority = 16 * 1024;
const authorities = new Map<string, X509Certificate>();

export function readPemObjects(text: string): PemObjects {
  const refusal = refused(text);
  if (refusal !== undefined) {
    return { certificates: [], pems: new Map(), keys: [], problems: [refusal] };
  }
  const { blocks, problems } = pemBlocks(text, maxBlocks);
  const found: Found = { pems: new Map(), keys: [], problems: [...problems] };
  for (const block of blocks) take(block, found);
  return { ...found, certificates: [...found.pems.keys()] };
}

function refused(text: string): string | undefined {
  if (text.length > maxCharacters) return `it is larger than ${maxCharacters / 1024} KiB`;
  if (text.includes("-----BEGIN ")) return undefined;
  if (text.trim() === "") return "it is empty";
  // A SEQUENCE with a long length, read as text.
  if (/^0[\x80-\x84\uFFFD]/.test(text)) {
    return "it is binary (DER or PKCS #12), and has to be PEM: openssl x509 -inform der -in OLD -out NEW.pem, or openssl pkcs12 -in OLD.p12 -nodes -out NEW.pem";
  }
  return "no certificate is in it: it has to be PEM, with -----BEGIN CERTIFICATE-----";
}

interface Found {
  readonly pems: Map<X509Certificate, string>;
  readonly keys: PemKey[];
  readonly problems: string[];
}

function take({ label, text, line }: PemBlock, { pems, keys, problems }: Found): void {
  try {
    if (/^(X509 |TRUSTED )?CERTIFICATE$/.test(label)) {
      const certificate = certificateOf(label, text);
      const { fingerprint256 } = certificate;
      const isKnown = [...pems.keys()].some((each) => each.fingerprint256 === fingerprint256);
      if (!isKnown) pems.set(certificate, plainPem(label, text));
    } else if (label === "ENCRYPTED PRIVATE KEY" || text.includes("Proc-Type: 4,ENCRYPTED")) {
      problems.push(
        `the key of line ${line} is encrypted: nobody is there to type its password; openssl pkey -in OLD.pem -out NEW.pem`,
      );
    } else if (label === "OPENSSH PRIVATE KEY") {
      problems.push(`the key of line ${line} is one of OpenSSH: ssh-keygen -p -m PKCS8 -f COPY`);
    } else if (/^([A-Z]+ )?PRIVATE KEY$/.test(label)) {
      const key = createPrivateKey(text);
      const isKnown = keys.some((each) => each.key.equals(key));
      if (!isKnown) keys.push({ key, text: `${text.replaceAll("\r\n", "\n")}\n`, line });
    }
    // Parameters, requests, lists of revoked ones: they stand beside in some files, and are not needed.
  } catch {
    // OpenSSL's own words say which of its functions did not like it, and nothing that helps.
    problems.push(
      `the ${label} of line ${line} cannot be read: it is damaged, or of a kind that OpenSSL does not know`,
    );
  }
}

function certificateOf(label: string, text: string): X509Certificate {
  const known = authorities.get(text);
  if (known !== undefined) return known;
  // As strict as who will use it.
  const certificate = new X509Certificate(label === "CERTIFICATE" ? text : derOf(text));
  if (Number.isNaN(certificate.validToDate.getTime())) throw new TypeError("it has no end");
  if (!certificate.ca || text.length > maxAuthority) return certificate;
  const [oldest] = authorities.keys();
  if (authorities.size >= maxAuthorities && oldest !== undefined) authorities.delete(oldest);
  authorities.set(text, certificate);
  return certificate;
}

function plainPem(label: string, text: string): string {
  if (label === "CERTIFICATE") return `${text.replaceAll("\r\n", "\n")}\n`;
  return pemOf("CERTIFICATE", derOf(text));
}

/** Behind a "trusted certificate" of OpenSSL stand remarks of its own, which nobody else reads. */
function derOf(text: string): Buffer {
  const body = text.slice(text.indexOf("-----", 5) + 5, text.lastIndexOf("-----END"));
  const bytes = Buffer.from(body, "base64");
  return readDer(bytes)?.whole ?? bytes;
}
