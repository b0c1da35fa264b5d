import assert from "node:assert/strict";
import { test } from "node:test";
import { mergePatch } from "./merge-patch.ts";

// RFC 7396, appendix A, row by row.
const rows: readonly (readonly [original: string, patch: string, result: string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', "null", "null"],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

test("a merge patch does what RFC 7396 says", () => {
  assert.equal(rows.length, 15);
  for (const [original, patch, result] of rows) {
    const made = mergePatch(JSON.parse(original), JSON.parse(patch));
    assert.deepEqual(made, JSON.parse(result), `${original} ${patch}`);
  }
});

test("a key that is called like something of JavaScript's is a key like any other", () => {
  const patch: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":{"y":null,"z":2}}');
  const made = mergePatch({ a: 1 }, patch) as Record<string, unknown>;
  assert.deepEqual(Object.keys(made), ["a", "__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(made), Object.prototype);
  assert.deepEqual(made["constructor"], { z: 2 });
});
