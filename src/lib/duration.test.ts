import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, parseDuration } from "./duration.ts";

test("durations are read to the millisecond", () => {
  const cases = [
    ["0", 0],
    ["0s", 0],
    ["250ms", 250],
    ["300s", 300_000],
    ["1.5m", 90_000],
    ["1h30m", 5_400_000],
    ["24d", 2_073_600_000],
    ["0.1ms", 1],
  ] as const;
  for (const [text, ms] of cases) assert.deepEqual(parseDuration(text), { kind: "ms", ms }, text);
});

test("what has no unit, another unit or no end is refused", () => {
  for (const text of ["30", "", "s", "-1s", "1 s", "1y", "25d", "1e3s", "∞"]) {
    assert.equal(parseDuration(text).kind, "bad", text);
  }
});

test("durations are written the shortest way that reads back", () => {
  for (const ms of [0, 1, 250, 1000, 75_000, 60_000, 3_600_000, 86_400_000]) {
    assert.deepEqual(parseDuration(formatDuration(ms)), { kind: "ms", ms });
  }
  assert.equal(formatDuration(90_000), "90s");
  assert.equal(formatDuration(3_600_000), "1h");
});
