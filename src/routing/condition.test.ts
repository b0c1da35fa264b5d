import { deepStrictEqual, strictEqual } from "node:assert";
import { test } from "node:test";
import { subjectOf } from "../../test/harness/routes-sample.ts";
import { conditionOf, literalStart } from "./condition.ts";

test("the plain beginning of a pattern is what every text has that it takes", () => {
  const starts = [
    ["^/app-1/[a-z]+$", "/app-1/"],
    ["^/a\\.b\\/c", "/a.b/c"],
    ["^/ab?c", "/a"],
    ["^/ab*", "/a"],
    ["^/ab{0,3}", "/a"],
    ["^/a\\.?", "/a"],
    ["^/ab+", "/ab"],
    ["^/a(b|c)", ""],
    ["^/a|^/b", ""],
    ["^/a\\d", "/a"],
    ["^/a.b", "/a"],
    ["/a", ""],
    ["^", ""],
    ["^(?!/a)", ""],
  ] as const;
  for (const [pattern, start] of starts) {
    strictEqual(literalStart({ pattern, flags: "" }), start, pattern);
    strictEqual(literalStart({ pattern, flags: "i" }), "", pattern);
  }
});

test("a pattern of a path takes what it takes without a look at its beginning", () => {
  const units = ["a", "b", "/", "\\.", "a?", "b*", "/+", "a{0,1}", "[ab]", "(b)?", "\\w", "."];
  const texts = ["", "/", "/a", "/ab", "/b/a", "a.b", "/a.b", "//ab", "ab/", "/.a", "ba", "b.//a"];
  for (const one of units) {
    for (const two of units) {
      for (const three of units) {
        for (const flags of ["", "i"]) {
          const pattern = `^${one}${two}${three}`;
          const takes = conditionOf({ kind: "pathRegexp", pattern, flags });
          const plain = new RegExp(pattern, flags);
          deepStrictEqual(
            texts.filter((path) => takes("", subjectOf({ path }))),
            texts.filter((path) => plain.test(path)),
            pattern,
          );
        }
      }
    }
  }
});
