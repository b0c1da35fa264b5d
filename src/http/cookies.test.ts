import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { cookieOf, setCookieOf } from "./cookies.ts";

const cookies: readonly (readonly [string | undefined, string])[] = [
  ["sid=1", "1"],
  ["a=b; sid=1", "1"],
  ["sid=1; a=b", "1"],
  ["a=b;sid=1;c=d", "1"],
  ["a=b;\t sid \t= \t1 \t; c=d", "1"],
  ["sid=1; sid=2", "1"],
  ["sid=; sid=2", ""],
  ["sid =", ""],
  ["sid=  ; a=b", ""],
  ['sid="a b"', '"a b"'],
  ["sid=a=b==", "a=b=="],
  ["xsid=2; sidx=3; sid=1", "1"],
  ["x-sid=2; sid-x=3", ""],
  ["a=sid=2; sid=1", "1"],
  ["a=sid; b=x sid=2", ""],
  ["SID=2; Sid=3", ""],
  ["sid; sid=1", "1"],
  ["=sid; ;; =; sid=1;", "1"],
  ["sidsid=2;sid=1", "1"],
  ["", ""],
  [undefined, ""],
  ["a=b", ""],
  ["sid", ""],
];

for (const [header, value] of cookies) {
  test(`of ${JSON.stringify(header)} the cookie sid is ${JSON.stringify(value)}`, () => {
    assert.equal(cookieOf(header, "sid"), value);
  });
}

/** The plainest reading: cut at each semicolon, then at the first sign of equality. */
function plainly(header: string, name: string): string {
  const trim = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");
  for (const pair of header.split(";")) {
    const sign = pair.indexOf("=");
    if (sign >= 0 && trim(pair.slice(0, sign)) === name) return trim(pair.slice(sign + 1));
  }
  return "";
}

test("any field reads as if it were cut at every semicolon", () => {
  const piece = fc.constantFrom("a", "aa", "ab", "b", "=", ";", "; ", " ", "\t", '"', ",", "é");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      fc.constantFrom("a", "aa", "ab", "é"),
      (pieces, name) => {
        const header = pieces.join("");
        assert.equal(cookieOf(header, name), plainly(header, name), JSON.stringify(header));
      },
    ),
    { numRuns: 2000 },
  );
});

test("a field made to be hard is read in no time", () => {
  const length = 65_536;
  const hard = [
    "a".repeat(length),
    "a ".repeat(length / 2),
    "a;".repeat(length / 2),
    `${" ".repeat(length)}a`,
    `a${" ".repeat(length)}`,
    ";a      ".repeat(length / 8),
  ];
  const started = performance.now();
  for (const header of hard) cookieOf(header, "a".repeat(10));
  for (const header of hard) cookieOf(header, "a");
  const ms = performance.now() - started;
  assert.ok(ms < 500, `it took ${ms} ms`);
});

const fields: readonly (readonly [string, string])[] = [
  ["sid=1", "1"],
  ["sid=1; Path=/; HttpOnly", "1"],
  [" sid \t= 1 ;Path=/", "1"],
  ["sid=", ""],
  ["sid=; Max-Age=0", ""],
  ['sid="1"', '"1"'],
  ["sid=a=b", "a=b"],
  ["a=b; sid=1", ""],
  ["sidx=1", ""],
  ["xsid=1", ""],
  ["SID=1", ""],
  ["sid; a=b", ""],
  ["", ""],
];

for (const [field, value] of fields) {
  test(`Set-Cookie: ${field} gives sid the value ${JSON.stringify(value)}`, () => {
    assert.equal(setCookieOf(field, "sid"), value);
  });
}
