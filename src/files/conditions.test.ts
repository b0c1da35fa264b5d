import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameRange, judge } from "./conditions.ts";

const modifiedAt = Date.UTC(2026, 0, 2, 3, 4, 5) + 678;
const there = { tag: '"a"', modifiedAt };
const none = {
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifUnmodifiedSince: undefined,
};
const same = "Fri, 02 Jan 2026 03:04:05 GMT";
const before = "Fri, 02 Jan 2026 03:04:04 GMT";
const after = "Fri, 02 Jan 2026 03:04:06 GMT";

test("without conditions it is sent", () => {
  assert.equal(judge(none, there), "send");
});

test("If-None-Match says that the client has it, and goes before If-Modified-Since", () => {
  assert.equal(judge({ ...none, ifNoneMatch: '"a"' }, there), 304);
  assert.equal(judge({ ...none, ifNoneMatch: 'W/"a"' }, there), 304);
  assert.equal(judge({ ...none, ifNoneMatch: "*" }, there), 304);
  assert.equal(judge({ ...none, ifNoneMatch: '"b"' }, there), "send");
  assert.equal(judge({ ...none, ifNoneMatch: '"b"', ifModifiedSince: after }, there), "send");
  assert.equal(judge({ ...none, ifNoneMatch: '"a"', ifModifiedSince: before }, there), 304);
});

test("If-Modified-Since compares whole seconds", () => {
  assert.equal(judge({ ...none, ifModifiedSince: same }, there), 304);
  assert.equal(judge({ ...none, ifModifiedSince: after }, there), 304);
  assert.equal(judge({ ...none, ifModifiedSince: before }, there), "send");
  assert.equal(judge({ ...none, ifModifiedSince: "Friday, 02-Jan-26 03:04:05 GMT" }, there), 304);
  assert.equal(judge({ ...none, ifModifiedSince: "Fri Jan  2 03:04:05 2026" }, there), 304);
});

test("a date that is none, or a file without one, does not count", () => {
  for (const ifModifiedSince of ["", "yesterday", "Fri, 02 Foo 2026 03:04:05 GMT", "0"]) {
    assert.equal(judge({ ...none, ifModifiedSince }, there), "send", ifModifiedSince);
  }
  const undated = { tag: '"a"', modifiedAt: undefined };
  assert.equal(judge({ ...none, ifModifiedSince: after }, undated), "send");
  assert.equal(judge({ ...none, ifUnmodifiedSince: before }, undated), "send");
});

test("If-Match and If-Unmodified-Since refuse what has changed", () => {
  assert.equal(judge({ ...none, ifMatch: '"a"' }, there), "send");
  assert.equal(judge({ ...none, ifMatch: "*" }, there), "send");
  assert.equal(judge({ ...none, ifMatch: '"b"' }, there), 412);
  assert.equal(judge({ ...none, ifMatch: 'W/"a"' }, there), 412);
  assert.equal(judge({ ...none, ifUnmodifiedSince: before }, there), 412);
  assert.equal(judge({ ...none, ifUnmodifiedSince: same }, there), "send");
  assert.equal(judge({ ...none, ifMatch: '"a"', ifUnmodifiedSince: before }, there), "send");
  assert.equal(judge({ ...none, ifMatch: '"a"', ifNoneMatch: '"a"' }, there), 304);
  assert.equal(judge({ ...none, ifMatch: '"b"', ifNoneMatch: '"a"' }, there), 412);
});

test("If-Range wants exactly what is there", () => {
  const now = modifiedAt + 10_000;
  assert.ok(isSameRange('"a"', there, now));
  assert.ok(!isSameRange('W/"a"', { ...there, tag: 'W/"a"' }, now));
  assert.ok(!isSameRange('"b"', there, now));
  assert.ok(isSameRange(same, there, now));
  assert.ok(!isSameRange(after, there, now));
  assert.ok(!isSameRange(before, there, now));
  assert.ok(!isSameRange(same, there, modifiedAt + 500), "it may change within that second");
  assert.ok(!isSameRange("rubbish", there, now));
});
