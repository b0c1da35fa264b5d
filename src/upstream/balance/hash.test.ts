import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, mixed } from "./hash.ts";

test("a text has the hash that MurmurHash3 gives its UTF-16 bytes, in every version", () => {
  const known: Readonly<Record<string, number>> = {
    "": 0x00000000,
    a: 0x6f49d11a,
    abc: 0x42b016c3,
    "10.0.0.1": 0xbddddc52,
    "/items/4711": 0x25b7703a,
    "http://10.0.0.1:80": 0x3e4fcca5,
    käse: 0x1c1c4fc4,
  };
  assert.deepEqual(
    Object.fromEntries(Object.keys(known).map((text) => [text, hashOf(text)])),
    known,
  );
});

test("similar keys fall evenly into buckets, by their upper and by their lower bits", () => {
  const kinds: readonly ((nth: number) => string)[] = [
    (nth) => `${nth}`,
    (nth) => `10.${nth >> 16}.${(nth >> 8) & 255}.${nth & 255}`,
    (nth) => `/items/${nth}.html`,
    (nth) => String.fromCharCode(nth & 255, nth >> 8),
    (nth) => "x".repeat(nth % 700) + String.fromCharCode(256 + (nth % 997)),
  ];
  for (const [index, keyOf] of kinds.entries()) {
    const keys = new Set(Array.from({ length: 64_000 }, (_, nth) => keyOf(nth)));
    for (const shift of [0, 26]) {
      const buckets = new Float64Array(64);
      for (const key of keys) buckets[(hashOf(key) >>> shift) & 63]! += 1;
      const expected = keys.size / 64;
      const chiSquare = buckets.reduce((all, each) => all + (each - expected) ** 2 / expected, 0);
      // 63 degrees of freedom: 63 ± 11; beyond 120 is one in 50,000.
      assert.ok(chiSquare < 120, `kind ${index}, shift ${shift}: ${chiSquare}`);
    }
  }
});

test("every code unit, its place and the length count", () => {
  const texts = ["", "\0", "\0\0", "ab", "ba", "abc", "acb", "aab", "aba", "ä", "Ā", "\u0161", "a"];
  assert.equal(new Set(texts.map(hashOf)).size, texts.length);
});

test("each bit of a number changes about half of the bits of what becomes of it", () => {
  const flips = new Float64Array(32);
  for (let value = 0; value < 4000; value++) {
    for (let bit = 0; bit < 32; bit++) {
      let difference = mixed(value) ^ mixed(value ^ (1 << bit));
      for (let at = 0; at < 32; at++, difference >>>= 1) flips[at]! += difference & 1;
    }
  }
  for (const count of flips) assert.ok(Math.abs(count / 128_000 - 0.5) < 0.02, `${count}`);
});
