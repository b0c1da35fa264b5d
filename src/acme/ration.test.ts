import assert from "node:assert/strict";
import { test } from "node:test";
import { Ration } from "./ration.ts";

test("so many are granted in a while, and the next one when the first is long enough ago", () => {
  const ration = new Ration({ count: 2, within: 1000 });
  assert.equal(ration.wait(0), 0);
  ration.take(0);
  ration.take(400);
  assert.equal(ration.wait(500), 500);
  assert.equal(ration.wait(1000), 0);
  ration.take(1000);
  assert.equal(ration.wait(1100), 300);
});
