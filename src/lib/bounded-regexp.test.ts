import assert from "node:assert/strict";
import { test } from "node:test";
import { isBounded } from "./bounded-regexp.ts";

const evil = [
  ["^(a+)+$", ""],
  ["^(?:a|a)+$", ""],
  ["^(.*)*(.*)*(.*)*x$", "s"],
  ["(?:[a-z]+[a-z]+)+[A-Z]", "m"],
  ["^([a-z0-9]+-?)+\\.example$", ""],
  ["^(a|b|ab)*c$", ""],
] as const;

test("a pattern that would backtrack for years ends at once", () => {
  const text = `${"a".repeat(200)}!`;
  for (const [pattern, flags] of evil) {
    assert.equal(isBounded(pattern, flags), true, pattern);
    const startedAt = performance.now();
    RegExp(pattern, flags).test(text);
    const took = performance.now() - startedAt;
    assert.ok(took < 1000, `${pattern} took ${took} ms`);
  }
});

test("long texts take no longer than their length", () => {
  const text = "a".repeat(16_384);
  const startedAt = performance.now();
  assert.equal(/.*.*.*.*=x/.test(text), false);
  assert.ok(performance.now() - startedAt < 2000);
});

test("what neither the other engine nor arithmetic bounds is said", () => {
  const unbounded = [
    ["(?=a)b", ""],
    ["(a)\\1", ""],
    ["(a{1,1000}){1,1000}", ""],
    ["^(a+)+$", "i"],
    ["^([a-z]{1,63}\\.)+example$", ""],
    [".*.*=x", "i"],
    ["^a{1,30}b|c*d", "i"],
    ["^(?:a*)?b*$", "i"],
  ] as const;
  for (const [pattern, flags] of unbounded) {
    assert.equal(isBounded(pattern, flags), false, pattern);
  }
});

test("patterns that people write can be had", () => {
  const usual = [
    ["^https?://(?:www\\.)?(.+)$", ""],
    ["^[a-z0-9-]{1,63}\\.example\\.com$", ""],
    ["^/api/v[0-9]+/(?<rest>.*)$", ""],
    ["^(.+\\.)?example\\.(com|org)$", ""],
    ["\\bfoo\\b", ""],
    ["^/([^/]+)/\\d{2,40}/?$", ""],
    ["^(www\\.)?example\\.(com|org)$", "i"],
    ["^/[)(]{3}x*$", "i"],
    ["a", "i"],
  ] as const;
  for (const [pattern, flags] of usual) assert.equal(isBounded(pattern, flags), true, pattern);
});

test("what arithmetic calls bounded is", () => {
  const text = `/${"ab".repeat(8000)}`;
  for (const pattern of ["^/(a|b)*", "^/[ab]{1,60}[ab]{1,60}[ab]{1,60}x", "^/[ab]*?b{0,99}x"]) {
    if (!isBounded(pattern, "i")) continue;
    const startedAt = performance.now();
    RegExp(pattern, "i").test(text);
    assert.ok(performance.now() - startedAt < 1000, pattern);
  }
  assert.equal(isBounded("^/[ab]*?b{0,99}x", "i"), true);
});
