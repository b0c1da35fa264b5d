// Fuzzes the PROXY protocol reader. What must hold for any bytes: it answers, cuts make no difference,
// it takes no more than it may, and addresses it gives are addresses. FUZZ_SEED repeats a run.

import { deepStrictEqual, ok } from "node:assert";
import { isIP } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  maxHeaderBytes,
  ProxyHeaderReader,
  type ProxyReading,
} from "../../src/listen/proxy-protocol.ts";

const seconds = Number(process.env["FUZZ_SECONDS"] ?? "2");
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

const start = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

const word = fc.oneof(
  fc.constantFrom(
    "TCP4",
    "TCP6",
    "UNKNOWN",
    "",
    " ",
    "0",
    "00",
    "65535",
    "65536",
    "\0",
    "\r",
    "\n",
  ),
  fc.constantFrom("192.0.2.7", "255.255.255.255", "1.2.3", "::", "2001:db8::7", "::ffff:1.2.3.4"),
  fc.nat(70_000).map(String),
  fc.ipV4(),
  fc.ipV6(),
);

/** A line that is nearly right, or right. */
const textHeader = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom("TCP4", "TCP6") }, word),
    fc.array(word, { minLength: 3, maxLength: 5 }),
    fc.constantFrom("\r\n", "\r\n", "\n", "\r", ""),
  )
  .map(([family, words, end]) =>
    Buffer.from(`PROXY ${[family, ...words].join(" ")}${end}`, "latin1"),
  );

const rightLine = fc
  .tuple(fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6())), fc.nat(65535))
  .map(([[source, destination], port]) =>
    Buffer.from(
      `PROXY TCP${source.includes(":") ? 6 : 4} ${source} ${destination} ${port} 443\r\n`,
      "latin1",
    ),
  );

const value = fc
  .tuple(fc.constantFrom(1, 2, 3, 4, 5, 0x20, 0xe0), fc.uint8Array({ maxLength: 40 }), fc.nat(40))
  .map(([type, content, lie]) =>
    Buffer.from([type, 0, lie === 0 ? content.length + 1 : content.length, ...content]),
  );

/** A binary header whose fields are mostly right and whose length is mostly true. */
const binaryHeader = fc
  .tuple(
    fc.constantFrom(0x20, 0x21, 0x21, 0x21, 0x22, 0x11),
    fc.constantFrom(0x00, 0x11, 0x11, 0x12, 0x21, 0x22, 0x31, 0x41, 0x13),
    fc.oneof(...[12, 36, 216, 11, 0].map((size) => bytesOf(size))),
    fc.array(value, { maxLength: 4 }),
    fc.constantFrom(0, 0, 0, 0, 1, -1, 4096),
  )
  .map(([command, family, block, values, lie]) => {
    const rest = Buffer.concat([block, ...values]);
    const length = Math.max(0, rest.length + lie);
    return Buffer.concat([start, Buffer.from([command, family, length >> 8, length & 255]), rest]);
  });

function bytesOf(size: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => Buffer.from(bytes));
}

const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const input = fc
  .tuple(fc.oneof(textHeader, rightLine, binaryHeader, noise), noise)
  .map((parts) => Buffer.concat(parts));

/** The outcome of the parts, with `consumed` counted over all of them. */
function read(parts: readonly Buffer[]): ProxyReading {
  const reader = new ProxyHeaderReader();
  let before = 0;
  for (const part of parts) {
    const shared = Buffer.from(part);
    const reading = reader.push(shared, 0, shared.length);
    shared.fill(0xee);
    if (reading.kind === "bad") return reading;
    if (reading.kind !== "more") {
      ok(reading.consumed > 0 && reading.consumed <= part.length);
      return { ...reading, consumed: before + reading.consumed };
    }
    before += part.length;
  }
  ok(before < maxHeaderBytes, "more bytes are wanted than a header may have");
  return { kind: "more" };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [0, ...sorted].map((at, index) => bytes.subarray(at, sorted[index] ?? bytes.length));
}

test("any bytes, cut anywhere, are read the same way and within the limits", () => {
  console.log(`seed ${seed}`);
  const kinds = new Map<string, number>();
  const property = fc.property(input, fc.array(fc.nat(5000), { maxLength: 6 }), (bytes, places) => {
    const reading = read([bytes]);
    kinds.set(reading.kind, (kinds.get(reading.kind) ?? 0) + 1);
    deepStrictEqual(read(cut(bytes, places)), reading);
    if (reading.kind === "bad") ok(reading.why !== "");
    if (reading.kind !== "proxied") return;
    for (const { address, port } of [reading.source, reading.destination]) {
      ok(isIP(address) !== 0, address);
      ok(Number.isInteger(port) && port >= 0 && port <= 65535);
    }
    // The header alone, and not one byte less, says the same.
    deepStrictEqual(read([bytes.subarray(0, reading.consumed)]), reading);
    deepStrictEqual(read([bytes.subarray(0, reading.consumed - 1)]), { kind: "more" });
  });
  fc.assert(property, {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
  // A generator that makes only rubbish would prove nothing.
  for (const kind of ["more", "proxied", "local", "bad"]) ok((kinds.get(kind) ?? 0) > 0, kind);
});
