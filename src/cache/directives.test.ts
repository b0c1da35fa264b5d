import assert from "node:assert/strict";
import { test } from "node:test";
import { readDirectives, secondsOf, writeDirectives } from "./directives.ts";

const read = (field: string) => Object.fromEntries(readDirectives(field));

test("names are read in any case, values with and without quotes", () => {
  assert.deepEqual(read('Max-Age="60", PUBLIC ,s-maxage=5'), {
    "max-age": "60",
    public: "",
    "s-maxage": "5",
  });
  assert.deepEqual(read('private="a, no-store", x="\\"", y'), {
    private: "a, no-store",
    x: '\\"',
    y: "",
  });
});

test("nothing of what is malformed hides what stands behind it", () => {
  for (const field of [
    "=, no-store",
    '"x", no-store',
    ",,;=; , no-store",
    'a="b, no-store',
    "a b, no-store",
  ]) {
    assert.equal(readDirectives(field).has("no-store"), true, field);
  }
});

test("of times, the shortest counts, and what is no number is none", () => {
  const seconds = (field: string) => secondsOf(readDirectives(field), "max-age");
  assert.equal(seconds("max-age=60, max-age=5"), 5);
  assert.equal(seconds("max-age=60, max-age=x"), 0);
  assert.equal(seconds("max-age=-1"), 0);
  assert.equal(seconds("max-age=1.5"), 0);
  assert.equal(seconds("max-age"), 0);
  assert.equal(seconds("public"), undefined);
});

test("what is written is what was read", () => {
  assert.equal(writeDirectives(readDirectives("Public, max-age=5")), "public, max-age=5");
});
