import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

const settings = { first: 100, longest: 1000, forgottenAfter: 5000 };

test("the wait doubles up to the longest, and stays there", () => {
  const backoff = new Backoff(settings);
  const waits = Array.from({ length: 6 }, () => backoff.next(4999));
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000]);
  for (let count = 0; count < 5000; count++) backoff.next(0);
  assert.equal(backoff.next(0), 1000);
});

test("what lasted long enough is tried again as if for the first time", () => {
  const backoff = new Backoff(settings);
  backoff.next(0);
  backoff.next(0);
  assert.equal(backoff.next(5000), 100);
  assert.equal(backoff.next(0), 200);
});
