// The IPv4 address inside an IPv6 one that is only another way to it: whoever is kept out by IPv4 must not come by 6to4,
// Teredo or a translator. IPv4-mapped addresses are not meant: those are IPv4 everywhere here.

import { addressBytes } from "./ip.ts";

/** However these are written, they begin so. Most addresses do not, and need not be taken apart. */
const beginning = /^(?:2002:|2001:0{0,4}:|0{0,2}64:ff9b:|0{0,4}:)/i;

/** undefined = there is none in it. */
export function embeddedV4(address: string): string | undefined {
  if (!beginning.test(address)) return undefined;
  const bytes = addressBytes(address);
  if (bytes === undefined || bytes.length !== 16) return undefined;
  const head = bytes.readUInt32BE(0);
  // 6to4, RFC 3056: 2002:V4::/48
  if (head >>> 16 === 0x2002) return dotted(bytes, 2, 0);
  // Teredo, RFC 4380 section 4: 2001:0::/32, the client's address at the end, each bit turned.
  if (head === 0x20010000) return dotted(bytes, 12, 0xff);
  // NAT64, RFC 6052 section 2.1 and RFC 8215: 64:ff9b::/96, and /96 networks of 64:ff9b:1::/48
  if (head === 0x0064ff9b) {
    const isWellKnown = bytes.readBigUInt64BE(4) === 0n;
    if (isWellKnown || bytes.readUInt16BE(4) === 1) return dotted(bytes, 12, 0);
  }
  // IPv4-compatible, RFC 4291 section 2.5.5.1; not :: and ::1
  const isCompatible = head === 0 && bytes.readBigUInt64BE(4) === 0n;
  return isCompatible && bytes.readUInt32BE(12) > 1 ? dotted(bytes, 12, 0) : undefined;
}

function dotted(bytes: Buffer, at: number, mask: number): string {
  return [...bytes.subarray(at, at + 4)].map((each) => each ^ mask).join(".");
}
