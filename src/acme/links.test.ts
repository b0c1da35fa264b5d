import assert from "node:assert/strict";
import { test } from "node:test";
import { linksOf } from "./links.ts";

const base = "https://ca.test/cert/1";

test("links of the wanted relation are found, with or without a host", () => {
  const one = '<https://ca.test/dir>;rel="index", </cert/1/1>;rel="alternate"';
  assert.deepEqual(linksOf(one, "alternate", base), ["https://ca.test/cert/1/1"]);
  const several = [
    '<2>; title="a, b; c"; rel=alternate',
    '<https://other.test/3>; rel="x Alternate"',
    "<2>;rel=alternate",
    "<4>; rel=alternates",
    "<5>",
  ];
  const found = ["https://ca.test/cert/2", "https://other.test/3"];
  assert.deepEqual(linksOf(several, "alternate", base), found);
  assert.deepEqual(linksOf(several.join(", "), "alternate", base), found);
});

test("rubbish holds no links, and is not looked at for long", () => {
  for (const text of [
    undefined,
    "",
    "<",
    "rel=alternate",
    '<http://[>;rel="alternate"',
    "<a>;;rel",
  ]) {
    assert.deepEqual(linksOf(text, "alternate", base), [], text);
  }
  const many = Array.from({ length: 1000 }, (_, at) => `<${at}>;rel=alternate`).join(", ");
  assert.equal(linksOf(many, "alternate", base).length, 50);
  const startedAt = performance.now();
  for (const unit of ["<a>;x=", "; ", "<", ';a="', "<a>; a=b "])
    linksOf(unit.repeat(4000), "x", base);
  assert.ok(performance.now() - startedAt < 2000);
});
