import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { maxHeaderBytes, ProxyHeaderReader, type ProxyReading } from "./proxy-protocol.ts";

const start = "\r\n\r\n\0\r\nQUIT\n";
const v4Block = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";
const v6Block = `\x20\x01\x0d\xb8${"\0".repeat(11)}\x07\x20\x01\x0d\xb8${"\0".repeat(11)}\x01\xc3\x50\x01\xbb`;
const mappedBlock = `${"\0".repeat(10)}\xff\xff\xc0\x00\x02\x07${"\0".repeat(10)}\xff\xff\xc6\x33\x64\x01\xc3\x50\x01\xbb`;
const unixBlock = "/run/a".padEnd(108, "\0") + "/run/b".padEnd(108, "\0");

/** A version 2 header; `length` only where it is to be wrong. */
function binary(command: number, family: number, rest: string, length = rest.length): string {
  const bytes = [0x20 | command, family, length >> 8, length & 255];
  return start + String.fromCharCode(...bytes) + rest;
}

function value(type: number, content: string): string {
  return String.fromCharCode(type, content.length >> 8, content.length & 255) + content;
}

/** Table-driven and byte-wise here, bit-wise in the code: the two have to agree. */
function crc32c(text: string): string {
  const table = Array.from({ length: 256 }, (_, index) => {
    let crc = index;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text, "latin1")) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255]!;
  const result = Buffer.alloc(4);
  result.writeUInt32BE(~crc >>> 0);
  return result.toString("latin1");
}

function withChecksum(before: string, after: string): string {
  const blank = binary(1, 0x11, v4Block + before + value(3, "\0\0\0\0") + after);
  return binary(1, 0x11, v4Block + before + value(3, crc32c(blank)) + after);
}

function named(source: string, destination: string, ports: readonly [number, number]) {
  return {
    kind: "proxied",
    source: { address: source, port: ports[0] },
    destination: { address: destination, port: ports[1] },
  };
}

const usual = named("192.0.2.7", "198.51.100.1", [50000, 443]);
const usual6 = named("2001:db8::7", "2001:db8::1", [50000, 443]);
const own = { kind: "local" };

const longestLine =
  "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
const longestHeader = binary(1, 0x11, v4Block + value(0xe0, "x".repeat(4096 - 16 - 12 - 3)));

const good: readonly (readonly [string, string, object])[] = [
  ["v1 TCP4", "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n", usual],
  [
    "v1 TCP4 with the smallest and largest ports",
    "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
    named("0.0.0.0", "255.255.255.255", [0, 65535]),
  ],
  ["v1 TCP6", "PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n", usual6],
  ["v1 TCP6 written at length", "PROXY TCP6 2001:0DB8:0:0::7 2001:DB8::0001 50000 443\r\n", usual6],
  ["v1 TCP6 with mapped", "PROXY TCP6 ::ffff:192.0.2.7 ::FFFF:c633:6401 50000 443\r\n", usual],
  ["v1 UNKNOWN alone", "PROXY UNKNOWN\r\n", own],
  ["v1 UNKNOWN with anything", "PROXY UNKNOWN  TCP4 a\0b\r\n", own],
  ["v1 of 107 bytes", longestLine, own],
  ["v2 TCP4", binary(1, 0x11, v4Block), usual],
  ["v2 UDP4, a client of HTTP/3", binary(1, 0x12, v4Block), usual],
  ["v2 IPv4 over unspecified", binary(1, 0x10, v4Block), usual],
  ["v2 TCP6", binary(1, 0x21, v6Block), usual6],
  ["v2 UDP6", binary(1, 0x22, v6Block), usual6],
  ["v2 TCP6 with mapped addresses", binary(1, 0x21, mappedBlock), usual],
  ["v2 unix stream", binary(1, 0x31, unixBlock), own],
  ["v2 unix datagram and a value", binary(1, 0x32, unixBlock + value(4, "")), own],
  ["v2 unspecified family", binary(1, 0x00, ""), own],
  ["v2 unspecified family with whatever", binary(1, 0x00, "\xff\xff\xff"), own],
  ["v2 LOCAL", binary(0, 0x00, ""), own],
  ["v2 LOCAL with a block", binary(0, 0x11, v4Block), own],
  ["v2 LOCAL with nonsense to ignore", binary(0, 0xff, "\x03\xff\xff"), own],
  ["v2 with an empty value", binary(1, 0x11, v4Block + value(4, "")), usual],
  ["v2 with values", binary(1, 0x11, v4Block + value(1, "h2") + value(0xea, "vpce")), usual],
  ["v2 TCP6 with values", binary(1, 0x21, v6Block + value(2, "a.example")), usual6],
  ["v2 with a checksum", withChecksum("", ""), usual],
  ["v2 with a checksum between values", withChecksum(value(1, "h2"), value(5, "id")), usual],
  ["v2 as long as it may be", longestHeader, usual],
];

const v1 = (rest: string) => `PROXY ${rest}\r\n`;
const badChecksum = withChecksum(value(1, "h2"), "");

const bad: readonly (readonly [string, string])[] = [
  ["HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01"],
  ["an empty line", "\r\nGET / HTTP/1.1\r\n"],
  ["a lower-case keyword", "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n"],
  ["a space before it", " PROXY UNKNOWN\r\n"],
  ["no family", "PROXY \r\n"],
  ["a tab", "PROXY\tUNKNOWN\r\n"],
  ["two spaces after the keyword", v1(" TCP4 192.0.2.7 198.51.100.1 1 2")],
  ["an unknown family", v1("TCP5 192.0.2.7 198.51.100.1 1 2")],
  ["a lower-case family", v1("tcp4 192.0.2.7 198.51.100.1 1 2")],
  ["UDP in version 1", v1("UDP4 192.0.2.7 198.51.100.1 1 2")],
  ["UNKNOWN with a letter more", v1("UNKNOWNS")],
  ["TCP4 alone", v1("TCP4")],
  ["one port missing", v1("TCP4 192.0.2.7 198.51.100.1 1")],
  ["one field too many", v1("TCP4 192.0.2.7 198.51.100.1 1 2 3")],
  ["a space at the end", v1("TCP4 192.0.2.7 198.51.100.1 1 2 ")],
  ["two spaces between", v1("TCP4 192.0.2.7  198.51.100.1 1 2")],
  ["IPv6 addresses in TCP4", v1("TCP4 2001:db8::7 2001:db8::1 1 2")],
  ["IPv4 addresses in TCP6", v1("TCP6 192.0.2.7 198.51.100.1 1 2")],
  ["families mixed", v1("TCP4 192.0.2.7 2001:db8::1 1 2")],
  ["families mixed the other way", v1("TCP6 2001:db8::1 192.0.2.7 1 2")],
  ["a zero before an octet", v1("TCP4 192.0.02.7 198.51.100.1 1 2")],
  ["an octet of 256", v1("TCP4 192.0.2.256 198.51.100.1 1 2")],
  ["three octets", v1("TCP4 192.0.2 198.51.100.1 1 2")],
  ["an address with a zone", v1("TCP6 fe80::1%eth0 2001:db8::1 1 2")],
  ["an address in brackets", v1("TCP6 [2001:db8::7] 2001:db8::1 1 2")],
  ["an address with a NUL", v1("TCP4 192.0.2.7\0 198.51.100.1 1 2")],
  ["a host name", v1("TCP4 localhost 198.51.100.1 1 2")],
  ["a source port of 65536", v1("TCP4 192.0.2.7 198.51.100.1 65536 2")],
  ["a destination port of 65536", v1("TCP4 192.0.2.7 198.51.100.1 1 65536")],
  ["a source port with a zero before", v1("TCP4 192.0.2.7 198.51.100.1 01 2")],
  ["a destination port of 00", v1("TCP4 192.0.2.7 198.51.100.1 1 00")],
  ["a negative port", v1("TCP4 192.0.2.7 198.51.100.1 -1 2")],
  ["a port with a sign", v1("TCP4 192.0.2.7 198.51.100.1 +1 2")],
  ["a hexadecimal port", v1("TCP4 192.0.2.7 198.51.100.1 0x1 2")],
  ["an empty port", v1("TCP4 192.0.2.7 198.51.100.1  2")],
  ["a line that ends with LF", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"],
  ["a line that ends with CR CR LF", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n"],
  ["a line that ends with CR", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\rGET"],
  ["a line of 108 bytes", longestLine.replace("\r\n", " \r\n")],
  ["a line without end", `PROXY UNKNOWN ${"x".repeat(93)}`],
  ["version 2 after a wrong start", `\r\n\r\n\0\r\nQUIT\r${"\0".repeat(4)}`],
  ["version 1 in binary", `${start}\x11\x11\x00\x0c${v4Block}`],
  ["version 3 in binary", `${start}\x31\x11\x00\x0c${v4Block}`],
  ["an unknown command", binary(2, 0x11, v4Block)],
  ["an unknown family in binary", binary(1, 0x41, v4Block)],
  ["an unknown transport", binary(1, 0x13, v4Block)],
  ["an unspecified family over an unknown transport", binary(1, 0x0f, "")],
  ["an IPv4 block too short", binary(1, 0x11, v4Block.slice(1))],
  ["an IPv6 block too short", binary(1, 0x21, v4Block)],
  ["a unix block too short", binary(1, 0x31, unixBlock.slice(1))],
  ["no block", binary(1, 0x11, "")],
  ["a header longer than allowed", binary(1, 0x11, v4Block, 4096 - 16 + 1)],
  ["a LOCAL header longer than allowed", binary(0, 0x00, "", 65535)],
  ["a value without length", binary(1, 0x11, `${v4Block}\x04\x00`)],
  ["a value longer than the header", binary(1, 0x11, `${v4Block}\x04\x00\x02x`)],
  ["a value in a unix header cut off", binary(1, 0x31, `${unixBlock}\x04`)],
  ["a wrong checksum", binary(1, 0x11, v4Block + value(3, "\0\0\0\0"))],
  ["a byte changed under the checksum", badChecksum.replace("h2", "h3")],
  ["a checksum of three bytes", binary(1, 0x11, v4Block + value(3, "\0\0\0"))],
  ["two checksums", withChecksum(value(3, "\0\0\0\0"), "")],
];

const behind = "GET / HTTP/1.1\r\n";

/** Feeds the parts one after the other; `taken` counts the header's bytes of all of them. */
function read(parts: readonly string[]): { reading: ProxyReading; taken: number } {
  const reader = new ProxyHeaderReader();
  let taken = 0;
  for (const part of parts) {
    // As in a connection: bytes lie somewhere in a buffer that is used again for the next read.
    const shared = Buffer.from(`junk${part}junk`, "latin1");
    const reading = reader.push(shared, 4, 4 + part.length);
    shared.fill(0xee);
    if (reading.kind === "bad") return { reading, taken };
    if (reading.kind !== "more") return { reading, taken: taken + reading.consumed };
    taken += part.length;
  }
  return { reading: { kind: "more" }, taken };
}

function assertRead(parts: readonly string[], header: string, expected: object): void {
  const { reading, taken } = read(parts);
  ok(reading.kind !== "more" && reading.kind !== "bad", JSON.stringify(reading));
  const { consumed, ...rest } = reading;
  ok(consumed > 0);
  deepStrictEqual(rest, expected);
  strictEqual(taken, header.length);
}

test("the tables of headers are whole", () => {
  ok(good.length >= 25, "good headers are missing");
  ok(bad.length >= 30, "bad headers are missing");
  strictEqual(longestLine.length, 107);
  strictEqual(longestHeader.length, maxHeaderBytes);
});

test("the test's own CRC32C gives the published check value", () => {
  strictEqual(Buffer.from(crc32c("123456789"), "latin1").toString("hex"), "e3069283");
});

for (const [name, header, expected] of good) {
  test(`a header is read in one piece, with bytes behind it: ${name}`, () => {
    assertRead([header], header, expected);
    assertRead([header + behind], header, expected);
  });

  test(`a header is read when it is split anywhere: ${name}`, () => {
    const all = header + behind;
    // Every place of a long one would take its time: the last bytes and the first 300 are enough.
    const places = Array.from({ length: header.length }, (_, at) => at);
    const tried = places.filter((at) => at < 300 || at > header.length - 20);
    for (const at of tried) assertRead([all.slice(0, at), all.slice(at)], header, expected);
    assertRead(header.split(""), header, expected);
  });

  test(`a header that is not complete is waited for: ${name}`, () => {
    strictEqual(read([header.slice(0, -1)]).reading.kind, "more");
  });
}

for (const [name, header] of bad) {
  test(`a bad header is refused, in one piece and byte by byte: ${name}`, () => {
    const { reading } = read([header]);
    ok(reading.kind === "bad", JSON.stringify(reading));
    ok(reading.why !== "");
    deepStrictEqual(read(header.split("")).reading, reading);
    for (let at = 1; at < header.length; at += 1) {
      deepStrictEqual(read([header.slice(0, at), header.slice(at)]).reading, reading);
    }
  });
}

test("what cannot become a header is refused with its first wrong byte", () => {
  strictEqual(read(["G"]).reading.kind, "bad");
  strictEqual(read(["PROXZ"]).reading.kind, "bad");
  strictEqual(read(["\r\n\r\nG"]).reading.kind, "bad");
  strictEqual(read([`${start}\x23`]).reading.kind, "bad");
});
