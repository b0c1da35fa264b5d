import assert from "node:assert/strict";
import { test } from "node:test";
import { isSame, preconditionOf } from "./precondition.ts";

test("a change may be bound to a version, to there being one, or to there being none", () => {
  const expected = (ifMatch?: string, ifNoneMatch?: string) => {
    const found = preconditionOf(ifMatch, ifNoneMatch);
    return found.kind === "expected" ? found.expected : found.kind;
  };
  assert.equal(expected(), undefined);
  assert.equal(expected('"17"'), 17);
  assert.equal(expected(' "17" '), 17);
  assert.equal(expected("*"), "present");
  assert.equal(expected(undefined, "*"), "absent");
  // A weak tag, or one that is none of ours, fits nothing.
  assert.equal(expected('W/"17"'), "never");
  assert.equal(expected('"abc"'), "never");
  for (const bad of ["17", '"1", "2"', "", '"'] as const) assert.equal(expected(bad), "bad", bad);
  assert.equal(expected(undefined, '"17"'), "bad");
  assert.equal(expected('"17"', "*"), "bad");
});

test("reading again is spared when nothing changed", () => {
  assert.ok(isSame('"3"', '"3"'));
  assert.ok(isSame('W/"3"', '"3"'));
  assert.ok(isSame('"1", "3"', '"3"'));
  assert.ok(isSame("*", '"3"'));
  assert.ok(!isSame('"33"', '"3"'));
  assert.ok(!isSame(undefined, '"3"'));
});
