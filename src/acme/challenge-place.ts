// Where an authority looks for the proof of a name: what it asks for differs from the name for addresses, which
// have no DNS and no server name in TLS (RFC 8738).

import { addressBytes } from "../lib/ip.ts";

/** The server name in its TLS hello: of an address, its name in the reverse DNS. */
export function alpnServerName(name: string): string {
  const bytes = addressBytes(name);
  if (bytes === undefined) return name;
  if (bytes.length === 4) return `${bytes.toReversed().join(".")}.in-addr.arpa`;
  return `${bytes.toString("hex").split("").toReversed().join(".")}.ip6.arpa`;
}

/** Where the TXT record has to be; a wildcard is proven where its name is. */
export function dnsRecordName(name: string): string {
  return `_acme-challenge.${name}`;
}
