import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { isIPv4, SocketAddress } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { plainAddress } from "../lib/ip.ts";
import { ProxyHeaderReader, type ProxyReading } from "../listen/proxy-protocol.ts";
import { type Endpoint, proxyHeader } from "./proxy-header.ts";

function connection(source: Endpoint, destination: Endpoint, protocol = "", serverName = "") {
  return { source, destination, protocol, serverName };
}

function read(bytes: Buffer): ProxyReading {
  return new ProxyHeaderReader().push(bytes, 0, bytes.length);
}

const v4 = { address: "192.0.2.7", port: 50_000 };
const v4Here = { address: "198.51.100.1", port: 443 };
const v6 = { address: "2001:db8::7", port: 50_000 };
const v6Here = { address: "::1", port: 443 };

test("version 1 is a line", () => {
  const text = (source: Endpoint, destination: Endpoint) =>
    proxyHeader("v1", connection(source, destination, "h2", "a.test")).toString("latin1");
  strictEqual(text(v4, v4Here), "PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n");
  strictEqual(text(v6, v6Here), "PROXY TCP6 2001:db8::7 ::1 50000 443\r\n");
  // Both addresses are of one family.
  strictEqual(text(v4, v6Here), "PROXY TCP6 ::ffff:192.0.2.7 ::1 50000 443\r\n");
  strictEqual(text({ address: "unix:", port: 0 }, { address: "", port: 0 }), "PROXY UNKNOWN\r\n");
  strictEqual(
    text({ address: "fe80::1%eth0", port: 1 }, v6Here),
    "PROXY TCP6 fe80::1 ::1 1 443\r\n",
  );
});

test("version 2 is as the specification draws it", () => {
  const start = "0d0a0d0a000d0a515549540a";
  strictEqual(
    proxyHeader("v2", connection(v4, v4Here)).toString("hex"),
    `${start}2111000cc0000207c6336401c35001bb`,
  );
  strictEqual(
    proxyHeader("v2", connection(v6, v6Here)).toString("hex"),
    `${start}2121002420010db8${"0".repeat(22)}07${"0".repeat(31)}1c35001bb`,
  );
  strictEqual(
    proxyHeader("v2", connection({ address: "unix:", port: 0 }, { address: "", port: 0 })).toString(
      "hex",
    ),
    `${start}21000000`,
  );
  const values = proxyHeader("v2", connection(v4, v4Here, "h2", "a.test")).toString("hex");
  strictEqual(values, `${start}2111001ac0000207c6336401c35001bb0100026832020006612e74657374`);
});

test("what is written is read back, in both versions", () => {
  const endpoint = fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.nat(65_535),
  });
  const name = fc.string({ maxLength: 60, unit: fc.constantFrom("a", "z", "0", ".", "-") });
  fc.assert(
    fc.property(endpoint, endpoint, name, name, (source, destination, protocol, serverName) => {
      for (const version of ["v1", "v2"] as const) {
        const bytes = proxyHeader(version, connection(source, destination, protocol, serverName));
        const reading = read(bytes);
        ok(reading.kind === "proxied", JSON.stringify([version, source, destination, reading]));
        strictEqual(reading.consumed, bytes.length);
        deepStrictEqual(reading.source, { address: spelled(source.address), port: source.port });
        deepStrictEqual(reading.destination, {
          address: spelled(destination.address),
          port: destination.port,
        });
      }
    }),
    { numRuns: 2000 },
  );
});

test("a client without an address is known as such", () => {
  for (const version of ["v1", "v2"] as const) {
    strictEqual(
      read(proxyHeader(version, connection({ address: "unix:", port: 0 }, v4Here))).kind,
      "local",
    );
  }
});

/** As the system spells it, and so does the reader. */
function spelled(address: string): string {
  if (isIPv4(address)) return address;
  return plainAddress(new SocketAddress({ address, family: "ipv6" }).address);
}
