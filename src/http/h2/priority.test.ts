import assert from "node:assert/strict";
import { test } from "node:test";
import { readPriority } from "./priority.ts";

test("a priority is read as RFC 9218 has it, and what cannot be read is left out", () => {
  const cases: readonly [string, number, boolean][] = [
    ["", 3, false],
    ["u=0", 0, false],
    ["u=7, i", 7, true],
    ["i, u=5", 5, true],
    ["i=?0,u=1", 1, false],
    ["i=?1", 3, true],
    ["u=8", 3, false],
    ["u=-1, i;a=b", 3, true],
    ["u=2;x, unknown=(1 2)", 2, false],
    ["u", 3, false],
    ["u=1, u=4", 4, false],
  ];
  for (const [value, urgency, isIncremental] of cases)
    assert.deepEqual(readPriority(value), { urgency, isIncremental }, value);
});
