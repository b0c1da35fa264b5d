import assert from "node:assert/strict";
import { test } from "node:test";
import { show, spreadOf } from "./spread.ts";

test("the median of an odd count is the middle value, whatever the order", () => {
  assert.deepEqual(spreadOf([5, 100, 1]), { median: 5, min: 1, max: 100 });
});

test("the median of an even count lies between the two middle values", () => {
  assert.deepEqual(spreadOf([4, 1, 2, 9]), { median: 3, min: 1, max: 9 });
});

test("nothing measured is shown as a dash, not as zero", () => {
  assert.equal(spreadOf([]), undefined);
  assert.equal(show(spreadOf([]), 1), "-");
  assert.equal(show(spreadOf([1, 2, 3]), 1), "2.0 (1.0–3.0)");
});
