import assert from "node:assert/strict";
import { test } from "node:test";
import { base64Of, endOf } from "./key-range.ts";
import { Lines } from "./lines.ts";

test("lines are the same however their bytes are cut", () => {
  const bytes = Buffer.from("one\n\ntwö\r\nthree is longer\nrest");
  for (let size = 1; size <= bytes.length; size++) {
    const read: string[] = [];
    const lines = new Lines(100, (line) => void read.push(line.trim()));
    for (let at = 0; at < bytes.length; at += size) lines.push(bytes.subarray(at, at + size));
    assert.deepEqual(read, ["one", "twö", "three is longer"], `in pieces of ${size}`);
  }
});

test("a line that never ends is not kept for ever", () => {
  const lines = new Lines(1000, () => assert.fail("there is no line"));
  assert.throws(() => {
    for (let count = 0; count < 200; count++) lines.push(Buffer.alloc(10, "x"));
  }, /it sent a line of more than/);
});

test("the end of a range is behind all keys that begin with the prefix", () => {
  assert.equal(endOf("tidegate/"), base64Of("tidegate0"));
  assert.equal(endOf("é"), Buffer.from([0xc3, 0xaa]).toString("base64"));
  assert.equal(endOf(""), Buffer.from([0]).toString("base64"));
});
