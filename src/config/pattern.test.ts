import { deepStrictEqual, match, strictEqual } from "node:assert";
import { test } from "node:test";
import { parsePattern } from "./pattern.ts";

test("leading flags of Go become JavaScript's flags", () => {
  deepStrictEqual(parsePattern("(?i)^a$"), { kind: "pattern", pattern: "^a$", flags: "i" });
  deepStrictEqual(parsePattern("(?si)a"), { kind: "pattern", pattern: "a", flags: "is" });
  deepStrictEqual(parsePattern("a"), { kind: "pattern", pattern: "a", flags: "" });
});

test("what Go and JavaScript share is taken as it is", () => {
  for (const text of ["^/api/v\\d+$", "[[a]", "a{2,3}?", "(?:a|b)", "\\\\A", "[^/]+\\.php", ""]) {
    deepStrictEqual(parsePattern(text), { kind: "pattern", pattern: text, flags: "" });
  }
});

const bad: readonly (readonly [string, RegExp])[] = [
  ["\\Aa", /\\A.*Go's/],
  ["a\\z", /\\z.*\$/],
  ["\\Qa.b\\E", /\\Q/],
  ["\\pL", /\\p/],
  ["[[:alpha:]]", /class/],
  ["(?P<n>a)", /\(\?<name>/],
  ["\\x{41}", /\\xHH/],
  ["(", /group/],
  ["[", /class/i],
  ["a**", /repeat/],
  ["(?U)a", /group/i],
  ["a".repeat(5000), /4096/],
];
for (const [text, why] of bad) {
  test(`the pattern ${JSON.stringify(text.slice(0, 20))} is refused with a reason`, () => {
    const parsed = parsePattern(text);
    strictEqual(parsed.kind, "bad");
    if (parsed.kind === "bad") match(parsed.why, why);
  });
}
