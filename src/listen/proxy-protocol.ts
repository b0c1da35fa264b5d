// Reads the header that a proxy in front of us sends first on a connection to say whose it is: the PROXY
// protocol, versions 1 (a line of text) and 2 (binary), as HAProxy specifies it in proxy-protocol.txt.
//
// Stricter than the specification where it leaves a choice: a header that two readers could take for
// different addresses is bad. More lenient nowhere. Bytes may come in any number of pieces.

import { isIPv4, isIPv6, SocketAddress } from "node:net";

import { plainAddress } from "../lib/ip.ts";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `consumed`: how many bytes of this push belong to the header; what follows is the client's. */
export type ProxyReading =
  | { readonly kind: "more" }
  | {
      readonly kind: "proxied";
      readonly source: Endpoint;
      readonly destination: Endpoint;
      readonly consumed: number;
    }
  /** The header names no address: the connection's own ones are true (a health check, for one). */
  | { readonly kind: "local"; readonly consumed: number }
  | { readonly kind: "bad"; readonly why: string };

/** Section 2.1: the longest possible line of version 1, CR LF included. */
const maxLineBytes = 107;

/**
 * The longest header of version 2. Its length field could say 64 KiB. Addresses need 52 bytes, a unique id
 * and what clouds add some hundred; only a client's certificate, passed on whole, is larger: 1 to 2 KiB.
 */
export const maxHeaderBytes = 4096;

/** Reads one header. Of no use any more once it has answered something else than `more`. */
export class ProxyHeaderReader {
  #kept: Buffer = Buffer.alloc(0);

  /** The bytes are only needed during the call. */
  push(buffer: Buffer, start: number, end: number): ProxyReading {
    const before = this.#kept.length;
    // No header is longer: what lies behind the limit need not be looked at.
    const fresh = buffer.subarray(start, Math.min(end, start + maxHeaderBytes - before));
    const bytes = before === 0 ? fresh : Buffer.concat([this.#kept, fresh]);
    const reading = readHeader(bytes);
    if (reading.kind === "more") this.#kept = before === 0 ? Buffer.from(bytes) : bytes;
    if (reading.kind === "more" || reading.kind === "bad") return reading;
    return { ...reading, consumed: reading.consumed - before };
  }
}

const textStart = Buffer.from("PROXY ", "latin1");
const binaryStart = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

function readHeader(bytes: Buffer): ProxyReading {
  if (isBegun(bytes, textStart)) {
    return bytes.length < textStart.length ? more : readTextHeader(bytes);
  }
  if (isBegun(bytes, binaryStart)) return readBinaryHeader(bytes);
  return bad("the connection does not begin with a PROXY protocol header");
}

const more: ProxyReading = { kind: "more" };

function bad(why: string): ProxyReading {
  return { kind: "bad", why };
}

/** The bytes begin as `start` does, as far as they have come. */
function isBegun(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

// --- version 1: PROXY TCP4 192.0.2.7 198.51.100.1 50000 443 CR LF ---------------------------------

function readTextHeader(bytes: Buffer): ProxyReading {
  const length = Math.min(bytes.length, maxLineBytes);
  let at = textStart.length;
  while (at < length && bytes[at] !== cr && bytes[at] !== lf) at += 1;
  if (at >= maxLineBytes - 1) return bad("the line is too long");
  if (at === length) return more;
  if (bytes[at] === lf) return bad("the line does not end with CR LF");
  if (at + 1 === bytes.length) return more;
  if (bytes[at + 1] !== lf) return bad("the line does not end with CR LF");
  return readLine(bytes.latin1Slice(textStart.length, at), at + 2);
}

const cr = 13;
const lf = 10;

function readLine(line: string, consumed: number): ProxyReading {
  // Section 2.1: whatever stands behind UNKNOWN is to be ignored.
  if (line === "UNKNOWN" || line.startsWith("UNKNOWN ")) return { kind: "local", consumed };
  const [family, source, destination, sourcePort, destinationPort, ...rest] = line.split(" ");
  if (family !== "TCP4" && family !== "TCP6") return bad("the protocol is unknown");
  if (
    source === undefined ||
    destination === undefined ||
    sourcePort === undefined ||
    destinationPort === undefined ||
    rest.length > 0
  ) {
    return bad("the line does not have two addresses and two ports, each after one space");
  }
  if (!isAddressOf(family, source)) return bad("the source address is malformed");
  if (!isAddressOf(family, destination)) return bad("the destination address is malformed");
  if (!isPort(sourcePort)) return bad("the source port is malformed");
  if (!isPort(destinationPort)) return bad("the destination port is malformed");
  return {
    kind: "proxied",
    source: { address: canonical(source), port: Number(sourcePort) },
    destination: { address: canonical(destination), port: Number(destinationPort) },
    consumed,
  };
}

function isAddressOf(family: "TCP4" | "TCP6", text: string): boolean {
  // A zone means something on the sender's machine only.
  return family === "TCP4" ? isIPv4(text) : isIPv6(text) && !text.includes("%");
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65535;
}

/** As the system writes addresses, so that one client has one name in limits, rules and logs. */
function canonical(address: string): string {
  if (!address.includes(":")) return address;
  return plainAddress(new SocketAddress({ address, family: "ipv6" }).address);
}

// --- version 2 ----------------------------------------------------------------------------------
//
//   0         12             13                  14        16           16 + address block
//   | start   | version, cmd | family, transport | length  | addresses  | TLVs …
//
// `length` counts what comes after itself. Addresses: both IPs, then both ports. TLVs: type (1 byte),
// length (2), value. All numbers are big-endian.

const fixedBytes = 16;
const local = 0x0;
const proxied = 0x1;

/** Bytes of the address block by family (the upper half of byte 13): none, IPv4, IPv6, unix. */
const addressBytes = [0, 12, 36, 216] as const;
const unspecified = 0;
const ipv4 = 1;
const ipv6 = 2;

function readBinaryHeader(bytes: Buffer): ProxyReading {
  if (bytes.length <= 12) return more;
  const command = byteAt(bytes, 12) & 15;
  if (byteAt(bytes, 12) >> 4 !== 2) return bad("the version is not 2");
  if (command !== local && command !== proxied) return bad("the command is unknown");
  if (bytes.length < fixedBytes) return more;
  const size = fixedBytes + bytes.readUInt16BE(14);
  if (size > maxHeaderBytes) return bad("the header is too long");
  // Section 2.2: of a LOCAL header everything behind the length is to be ignored, the family too.
  if (command === local) return bytes.length < size ? more : { kind: "local", consumed: size };
  const family = byteAt(bytes, 13) >> 4;
  const blockBytes = addressBytes[family];
  // The lower half is the transport: unspecified, stream or datagram (a client that spoke HTTP/3).
  if (blockBytes === undefined || (byteAt(bytes, 13) & 15) > 2) {
    return bad("the address family or transport is unknown");
  }
  if (size < fixedBytes + blockBytes) return bad("the address block is cut off");
  if (bytes.length < size) return more;
  // What a sender puts behind an unspecified family is its own affair: there may be no TLVs to check.
  if (family === unspecified) return { kind: "local", consumed: size };
  const wrong = faultOfValues(bytes.subarray(0, size), fixedBytes + blockBytes);
  if (wrong !== undefined) return bad(wrong);
  if (family === ipv4) return addressed(bytes, 4, size);
  if (family === ipv6) return addressed(bytes, 16, size);
  return { kind: "local", consumed: size };
}

function addressed(bytes: Buffer, ipBytes: 4 | 16, consumed: number): ProxyReading {
  const ports = fixedBytes + 2 * ipBytes;
  return {
    kind: "proxied",
    source: { address: ipAt(bytes, fixedBytes, ipBytes), port: bytes.readUInt16BE(ports) },
    destination: {
      address: ipAt(bytes, fixedBytes + ipBytes, ipBytes),
      port: bytes.readUInt16BE(ports + 2),
    },
    consumed,
  };
}

function ipAt(bytes: Buffer, at: number, ipBytes: 4 | 16): string {
  if (ipBytes === 4) return bytes.subarray(at, at + 4).join(".");
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push(bytes.readUInt16BE(at + index).toString(16));
  }
  return canonical(groups.join(":"));
}

const checksumType = 0x03;

/** Walks the TLVs to the header's very end; says what is wrong with them. */
function faultOfValues(header: Buffer, start: number): string | undefined {
  let checksumAt = -1;
  let at = start;
  while (at < header.length) {
    if (at + 3 > header.length) return "an additional value is cut off";
    const length = header.readUInt16BE(at + 1);
    const next = at + 3 + length;
    if (next > header.length) return "an additional value is cut off";
    if (header[at] === checksumType) {
      if (length !== 4 || checksumAt >= 0) return "the checksum is malformed or repeated";
      checksumAt = at + 3;
    }
    at = next;
  }
  if (checksumAt < 0 || header.readUInt32BE(checksumAt) === crc32c(header, checksumAt)) {
    return undefined;
  }
  return "the checksum is wrong";
}

/** RFC 4960 appendix B; with the four bytes at `blankAt`, where the checksum stands, taken as zero. */
function crc32c(bytes: Buffer, blankAt: number): number {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) {
    const isBlank = at >= blankAt && at < blankAt + 4;
    crc ^= isBlank ? 0 : byteAt(bytes, at);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** Only for places that are known to be there. */
function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}
