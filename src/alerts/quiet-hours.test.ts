import assert from "node:assert/strict";
import { test } from "node:test";
import { isQuiet } from "./quiet-hours.ts";

const at = (hours: number, minutes: number, seconds = 0) =>
  new Date(2026, 10, 21, hours, minutes, seconds).getTime();

test("quiet hours begin with their first minute and end with their last, by local time", () => {
  const siesta = { from: 13 * 60, to: 15 * 60 };
  assert.equal(isQuiet(siesta, at(12, 59, 59)), false);
  assert.equal(isQuiet(siesta, at(13, 0)), true);
  assert.equal(isQuiet(siesta, at(14, 59, 59)), true);
  assert.equal(isQuiet(siesta, at(15, 0)), false);
});

test("they may go over midnight", () => {
  const night = { from: 22 * 60, to: 7 * 60 };
  assert.equal(isQuiet(night, at(21, 59, 59)), false);
  assert.equal(isQuiet(night, at(22, 0)), true);
  assert.equal(isQuiet(night, at(0, 0)), true);
  assert.equal(isQuiet(night, at(6, 59, 59)), true);
  assert.equal(isQuiet(night, at(7, 0)), false);
});
