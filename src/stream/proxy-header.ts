// Writes the header that tells a backend whose connection it gets: the PROXY protocol, versions 1 and 2, as
// HAProxy specifies it in proxy-protocol.txt. `src/listen/proxy-protocol.ts` reads the same.

import { isIPv4, isIPv6 } from "node:net";

export interface Endpoint {
  /** An IP address; anything else (a unix socket's peer) is unknown to the protocol. */
  readonly address: string;
  readonly port: number;
}

export interface ProxiedConnection {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** What TLS agreed on, or offered in a hello that is passed on; "" = none. Version 2 only. */
  readonly protocol: string;
  readonly serverName: string;
}

export function proxyHeader(version: "v1" | "v2", connection: ProxiedConnection): Buffer {
  return version === "v1" ? textHeader(connection) : binaryHeader(connection);
}

// --- version 1: PROXY TCP4 192.0.2.7 198.51.100.1 50000 443 CR LF ------------------------------------

function textHeader({ source, destination }: ProxiedConnection): Buffer {
  const family = familyOf(source.address, destination.address);
  if (family === undefined) return Buffer.from("PROXY UNKNOWN\r\n", "latin1");
  const [from, to] = [source.address, destination.address].map((address) =>
    writtenAs(family, address),
  );
  const line = `PROXY TCP${family} ${from} ${to} ${source.port} ${destination.port}\r\n`;
  return Buffer.from(line, "latin1");
}

/** Both ends are of one family: with one IPv6 address among them, IPv4 ones are mapped (RFC 4291 2.5.5.2). */
function familyOf(source: string, destination: string): 4 | 6 | undefined {
  if (isIPv4(source) && isIPv4(destination)) return 4;
  return isAddress(source) && isAddress(destination) ? 6 : undefined;
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

function writtenAs(family: 4 | 6, address: string): string {
  return family === 6 && isIPv4(address) ? `::ffff:${address}` : withoutZone(address);
}

/** A zone means something on this machine only. */
function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}

// --- version 2 -------------------------------------------------------------------------------------
//
//   start (12) | version 2, command PROXY (1) | family, stream (1) | length (2) | addresses | TLVs
//
// Addresses: both IPs, then both ports. A TLV: type (1), length (2), value.

const start = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const proxied = 0x21;
/** Family and transport: TCP over IPv4, over IPv6, and unspecified. */
const families = { 4: 0x11, 6: 0x21, none: 0x00 } as const;
const protocolType = 0x01;
const authorityType = 0x02;

function binaryHeader(connection: ProxiedConnection): Buffer {
  const { source, destination, protocol, serverName } = connection;
  const family = familyOf(source.address, destination.address);
  const addresses = family === undefined ? [] : addressBlock(family, source, destination);
  const rest = [
    ...addresses,
    ...value(protocolType, protocol),
    ...value(authorityType, serverName),
  ];
  const length = rest.reduce((sum, each) => sum + each.length, 0);
  const head = Buffer.from([proxied, families[family ?? "none"], length >> 8, length & 255]);
  return Buffer.concat([start, head, ...rest]);
}

function addressBlock(family: 4 | 6, source: Endpoint, destination: Endpoint): Buffer[] {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return [source, destination]
    .map(({ address }) => bytesOf(writtenAs(family, address)))
    .concat(ports);
}

/** Both texts are bounded by the hello they come from: 255 bytes. */
function value(type: number, text: string): Buffer[] {
  if (text === "") return [];
  const bytes = Buffer.from(text, "latin1");
  return [Buffer.from([type, bytes.length >> 8, bytes.length & 255]), bytes];
}

/** 4 or 16 bytes of an address that is known to be one. */
function bytesOf(address: string): Buffer {
  const lastColon = address.lastIndexOf(":");
  const tail = address.slice(lastColon + 1);
  const tailBytes = tail.includes(".") ? tail.split(".").map(Number) : [];
  if (lastColon < 0) return Buffer.from(tailBytes);
  // What stands behind the last colon is a group like the others, unless it is written as IPv4.
  const groups = tailBytes.length > 0 ? address.slice(0, lastColon + 1) : address;
  const [left = "", right] = groups.split("::");
  const before = groupBytes(left);
  const after = [...groupBytes(right ?? ""), ...tailBytes];
  const gap = Array.from({ length: 16 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...gap, ...after]);
}

function groupBytes(groups: string): number[] {
  return groups
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}
