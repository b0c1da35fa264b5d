import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { workerCount } from "./worker-count.ts";

test("a number is taken as it is, 0 too", () => {
  assert.equal(workerCount(0), 0);
  assert.equal(workerCount(3), 3);
});

test("auto is what the system lets this process use, and at least one", () => {
  assert.equal(workerCount("auto"), availableParallelism());
  assert.ok(workerCount("auto") >= 1);
});
