import assert from "node:assert/strict";
import { test } from "node:test";
import { patternOf } from "./patterns.ts";

const fits = (pattern: string, text: string, isFolded?: boolean) =>
  patternOf(pattern, isFolded).fits(text);

test("a star is any text and a question mark one byte", () => {
  assert.ok(fits(".*", ".git"));
  assert.ok(fits(".*", "."));
  assert.ok(!fits(".*", "a.git"));
  assert.ok(fits("*.bak", "a.b.bak"));
  assert.ok(!fits("*.bak", "a.bak2"));
  assert.ok(fits("a?c", "abc"));
  assert.ok(!fits("a?c", "ac"));
  assert.ok(fits("*", ""));
  assert.ok(fits("", ""));
  assert.ok(!fits("", "a"));
  assert.ok(!fits("?", ""));
  assert.ok(fits("*a*b*", "xxaxxbxx"));
  assert.ok(!fits("*a*b", "ba"));
  assert.ok(fits("a*b*b", "abbb"));
});

test("other characters stand for themselves", () => {
  assert.ok(fits("a.b+(c)[d]$", "a.b+(c)[d]$"));
  assert.ok(!fits("a.b", "axb"));
  assert.ok(!fits("[ab]", "a"));
});

test("capitals matter unless they are said not to", () => {
  assert.ok(!fits("*.BAK", "a.bak"));
  assert.ok(fits("*.BAK", "A.bak", true));
});

test("patterns are held against the bytes of names", () => {
  assert.ok(fits("ä*", Buffer.from("ä.txt").latin1Slice()));
});

test("a text made to be slow is not", () => {
  const begin = performance.now();
  assert.ok(!fits("*a*a*a*a*a*a*a*a*b", "a".repeat(16_000)));
  assert.ok(!fits(`${"*a".repeat(50)}*b`, "a".repeat(16_000)));
  assert.ok(performance.now() - begin < 1000);
});

test("it says the same as a regular expression does", () => {
  const letters = ["a", "b", "*", "?"];
  let state = 7;
  const next = (most: number) => (state = (state * 48271) % 2147483647) % most;
  let agreed = 0;
  for (let round = 0; round < 20_000; round++) {
    const pattern = Array.from({ length: next(7) }, () => letters[next(4)]).join("");
    const text = Array.from({ length: next(8) }, () => letters[next(2)]).join("");
    const wanted = pattern.replaceAll("*", ".*").replaceAll("?", ".");
    assert.equal(fits(pattern, text), RegExp(`^${wanted}$`).test(text), `${pattern} ${text}`);
    if (fits(pattern, text)) agreed++;
  }
  assert.ok(agreed > 500, "some fit");
});
