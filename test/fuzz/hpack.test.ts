import assert from "node:assert/strict";
import { FieldSection } from "../../src/http/h2/field-section.ts";
import { HpackDecoder } from "../../src/http/h2/hpack-decoder.ts";
import { HpackEncoder } from "../../src/http/h2/hpack-encoder.ts";
import { HpackOracle, type OracleField } from "../harness/hpack-oracle.ts";
import { fuzz } from "./fuzz.ts";
import type { Random } from "./random.ts";

const section = new FieldSection();

function held(): OracleField[] {
  return Array.from({ length: section.count }, (_, at) => [
    section.names[at] ?? "?",
    section.values[at] ?? "?",
  ]);
}

/** The fields as another connection would pass them on; each at random as a field or as a line. */
function checkRoundTrip(random: Random, sections: readonly (readonly OracleField[])[]): void {
  const encoder = new HpackEncoder(random.pick([0, 100, 4096]));
  const decoder = new HpackDecoder(4096);
  const oracle = new HpackOracle(4096);
  for (const fields of sections) {
    if (random.below(4) === 0) encoder.peerTableBytes = random.pick([0, 60, 300, 4096, 100_000]);
    const sendable = fields.filter(([name, value]) => {
      if (name !== "" && !name.includes(":", 1) && !/[\0\r\n]/.test(name + value)) return true;
      assert.throws(() => new HpackEncoder(4096).field(name, value), RangeError);
      return false;
    });
    const passed: OracleField[] = [];
    encoder.begin();
    for (const [name, value] of sendable) {
      const lower = name.toLowerCase();
      // Names above ASCII have other lower cases than HTTP knows.
      if (/[^ -~]/.test(name)) continue;
      if (!name.startsWith(":") && random.below(2) === 0) {
        encoder.line(`${name}:${value}`);
        passed.push([lower, value.replace(/^[ \t]+|[ \t]+$/g, "")]);
      } else {
        encoder.field(name, value);
        passed.push([lower, value]);
      }
    }
    const bytes = Buffer.from(encoder.bytes.subarray(0, encoder.length));
    assert.ok(decoder.decode(bytes, 0, bytes.length, section, 1e7, 1e5));
    assert.deepEqual(held(), passed);
    assert.deepEqual(oracle.decode(bytes), passed);
  }
}

fuzz({
  name: "hpack",
  // Blocks of one connection, with a line's end between them.
  words: [
    "\r\n",
    "\x82",
    "\xbe",
    "\xbf",
    "\xff\x00",
    "\x20",
    "\x3f\xe1\x1f",
    "\x3f\x09",
    "\x40\x01a\x01b",
    "\x40\x81\x1f\x82\x1c\x7f",
    "\x00\x01a\x01b",
    "\x10\x01a\x01b",
    "\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
    "\x7e\x00",
    "\x80",
    "\xff\xff\xff\xff",
  ],
  check(input, random) {
    const decoder = new HpackDecoder(4096);
    const oracle = new HpackOracle(4096);
    const sections: OracleField[][] = [];
    let isAccepted = true;
    for (const block of input.split("\r\n")) {
      const bytes = Buffer.from(block, "latin1");
      let expected: OracleField[] | undefined;
      try {
        expected = oracle.decode(bytes);
      } catch {
        isAccepted = false;
      }
      const maxBytes = random.pick([100, 1e7]);
      const maxCount = random.pick([1, 1e5]);
      assert.equal(decoder.decode(bytes, 0, bytes.length, section, maxBytes, maxCount), isAccepted);
      assert.ok(section.size <= maxBytes && section.count <= maxCount);
      if (expected === undefined) break;
      assert.deepEqual(held(), expected.slice(0, section.count));
      assert.equal(section.isTooLarge, section.count < expected.length);
      sections.push(expected);
    }
    checkRoundTrip(random, sections);
    return isAccepted;
  },
});
