// Names that certificates are for: DNS names, wildcards and IP addresses, in the one spelling that everybody
// compares, and how they stand in a certificate (GeneralName of RFC 5280).

import { addressBytes, canonicalAddress } from "../lib/ip.ts";
import { normaliseHostPattern } from "../lib/host.ts";
import { implicit, sequence } from "./der.ts";
import { partsOf } from "./der-reader.ts";

const dnsNameTag = 2;
const addressTag = 7;

export interface CertificateName {
  readonly kind: "dns" | "ip";
  /** Lower-case, without a dot at its end; an address without brackets, in its shortest form. */
  readonly value: string;
}

/** undefined = no certificate can be for it. */
export function certificateName(text: string): CertificateName | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  const address = bare.includes("%") ? undefined : canonicalAddress(bare);
  if (address !== undefined) return { kind: "ip", value: address };
  const value = normaliseHostPattern(text);
  return value === undefined || value === "*" ? undefined : { kind: "dns", value };
}

/** SubjectAltName. What cannot be in a certificate is left out. */
export function alternativeNames(names: readonly string[]): Buffer {
  const parts = names.map((text) => {
    const name = certificateName(text);
    if (name === undefined) return Buffer.alloc(0);
    if (name.kind === "dns") return implicit(dnsNameTag, Buffer.from(name.value, "latin1"));
    return implicit(addressTag, addressBytes(name.value) ?? Buffer.alloc(0));
  });
  return sequence(...parts);
}

/** The DNS names and addresses of a SubjectAltName's content; others, and malformed ones, are passed over. */
export function namesWithin(content: Buffer): string[] {
  const names: string[] = [];
  for (const { tag, content: value } of partsOf(content) ?? []) {
    const text = tag === (0x80 | addressTag) ? addressText(value) : value.toString("latin1");
    if (tag !== (0x80 | addressTag) && tag !== (0x80 | dnsNameTag)) continue;
    const name = certificateName(text);
    if (name !== undefined && (name.kind === "ip") === (tag === (0x80 | addressTag)))
      names.push(name.value);
  }
  return [...new Set(names)];
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  return (bytes.toString("hex").match(/.{4}/g) ?? []).join(":");
}

/**
 * Whether a certificate of these names (in the spelling of `certificateName`) is good for the host. A wildcard
 * is a whole label, the first one, and stands for exactly one (RFC 9525 section 6.3). The host may be a
 * wildcard itself, as routes write it: only the same one covers it.
 */
export function covers(names: readonly string[], host: string): boolean {
  const wanted = certificateName(host);
  if (wanted === undefined) return false;
  if (names.includes(wanted.value)) return true;
  const dot = wanted.value.indexOf(".");
  if (wanted.kind === "ip" || dot <= 0 || wanted.value.startsWith("*.")) return false;
  return names.includes(`*${wanted.value.slice(dot)}`);
}
