import assert from "node:assert/strict";
import { test } from "node:test";
import { boundedRegExp, linearRegExp } from "../../lib/bounded-regexp.ts";
import { LiteralStage, Needle } from "./literal-stage.ts";
import { partsOf, PatternStage } from "./pattern-stage.ts";
import type { Give, Stage } from "./stage.ts";

/** What comes out when the text goes in, in pieces of that many bytes. */
function through(make: (give: Give) => Stage, text: string, size: number): string {
  const out: Buffer[] = [];
  const stage = make(
    (buffer, start, end) => void out.push(Buffer.from(buffer.subarray(start, end))),
  );
  const bytes = Buffer.from(text, "latin1");
  // Bytes are only valid during the call, and do not stand at the beginning of their buffer.
  const scratch = Buffer.alloc(size + 3);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(scratch, 3, at, Math.min(at + size, bytes.length));
    stage.write(scratch, 3, 3 + length);
    scratch.fill(0);
  }
  stage.end();
  return Buffer.concat(out).latin1Slice();
}

const literal =
  (needle: string, replacement: string, most = 0) =>
  (give: Give): Stage =>
    new LiteralStage(new Needle(needle), Buffer.from(replacement), most, give);

const pattern =
  (source: string, replacement: string, { flags = "", most = 0, longest = 20 } = {}) =>
  (give: Give): Stage =>
    new PatternStage(
      {
        expression: boundedRegExp(source, `${flags}g`),
        linear: linearRegExp(source, `${flags}g`),
        longest,
      },
      partsOf(replacement),
      most,
      give,
    );

/** Few letters: they match by half all the time. */
function* texts(): Generator<string> {
  let seed = 7;
  for (let count = 0; count < 150; count++) {
    let text = "";
    for (let at = 0; at < 60; at++) {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      text += "ab\0"[(seed >> 16) % 3] ?? "";
    }
    yield text;
  }
}

const sizes = [1, 2, 3, 5, 17, 100];

test("a text is replaced wherever pieces of the body are cut", () => {
  for (const text of texts()) {
    for (const needle of ["a", "ab", "aab", "abab", "aaba\0", "ababab", "bb\0b"]) {
      const wanted = text.replaceAll(needle, "<x>");
      for (const size of sizes) {
        assert.equal(through(literal(needle, "<x>"), text, size), wanted, `${needle} by ${size}`);
      }
    }
  }
});

test("so does what an expression matches", () => {
  for (const text of texts()) {
    for (const source of ["a", "ab", "(a)(b)", "ab?a", "a{2,3}b", "\\0[ab]{1,4}?b", "(?<=b)a"]) {
      const wanted = text.replace(new RegExp(source, "g"), "<$&>");
      for (const size of sizes) {
        assert.equal(through(pattern(source, "<$&>"), text, size), wanted, `${source} by ${size}`);
      }
    }
  }
});

test("the beginning and the end of a body are where it begins and ends", () => {
  for (const size of sizes) {
    assert.equal(through(pattern("^a", "x"), "aaa", size), "xaa");
    assert.equal(through(pattern("a$", "x"), "aaa".repeat(20), size), `${"a".repeat(59)}x`);
    assert.equal(through(pattern("\\bab", "x"), "ab aab ab", size), "x aab x");
  }
});

test("only so many are replaced", () => {
  for (const size of sizes) {
    assert.equal(through(literal("ab", "x", 2), "ababab ab", size), "xxab ab");
    assert.equal(through(pattern("ab", "x", { most: 2 }), "ababab ab", size), "xxab ab");
  }
});

test("what is put there is not looked at again, and may name what was found", () => {
  assert.equal(through(literal("a", "aa"), "aaa", 2), "aaaaaa");
  const swap = pattern("(?<one>\\w)-(\\w)", "$2-$<one> $$1 $9");
  assert.equal(through(swap, "a-b", 1), "b-a $1 ");
});

test("a match as long as allowed is one, a longer one is none", () => {
  const text = `<${"a".repeat(18)}> <${"b".repeat(19)}>`;
  for (const size of sizes) {
    assert.equal(through(pattern("<\\w*>", "x"), text, size), `x <${"b".repeat(19)}>`);
  }
});

test("of a text nothing waits that could not become a match", () => {
  const out: string[] = [];
  const stage = literal(
    "</body>",
    "!",
  )((buffer, start, end) => {
    out.push(buffer.latin1Slice(start, end));
  });
  const write = (text: string) => stage.write(Buffer.from(text), 0, text.length);
  write("data: one\n\n");
  assert.deepEqual(out, ["data: one\n\n"]);
  write("data: </bo");
  assert.equal(out.join(""), "data: one\n\ndata: ");
  write("x");
  assert.equal(out.join(""), "data: one\n\ndata: </box");
});

test("a needle of 16 KiB and a body byte by byte take no time", () => {
  const needle = `${"a".repeat(16_383)}b`;
  const text = `${"a".repeat(40_000)}b`;
  const wanted = `${"a".repeat(40_001 - needle.length)}x`;
  assert.equal(through(literal(needle, "x"), text, 1), wanted);
  assert.equal(through(literal(needle, "x"), text, 9999), wanted);
});

test("an expression that goes back for years does not", { timeout: 20_000 }, () => {
  const text = `${"a".repeat(200_000)}!`;
  assert.equal(through(pattern("(a+)+$", "x", { longest: 1000 }), text, 65_536), text);
});

test(
  "nor does one that begins anew with each byte, of a body that comes in crumbs",
  {
    timeout: 20_000,
  },
  () => {
    const text = "a".repeat(30_000);
    assert.equal(through(pattern("a+b", "x", { longest: 16_384 }), text, 1), text);
    const long = "a".repeat(4_000_000);
    assert.equal(through(pattern("a+b", "x", { longest: 1024 }), long, 65_536), long);
  },
);
