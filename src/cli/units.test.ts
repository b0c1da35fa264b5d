import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, shortLatency, shortSize, shortTime, timeSince } from "./units.ts";

test("sizes are rounded to what one takes in", () => {
  const cases: readonly [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1_500_000, "1.4 MiB"],
    [220_200_960, "210 MiB"],
    [2 ** 31, "2.0 GiB"],
    [2 ** 55, "32768 TiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(shortSize(bytes), text);
});

test("times have their two largest units", () => {
  const cases: readonly [number, string][] = [
    [0, "0s"],
    [999, "0s"],
    [61_000, "1m 1s"],
    [60_000, "1m"],
    [3_723_000, "1h 2m"],
    [3_603_000, "1h"],
    [90_061_000, "1d 1h"],
  ];
  for (const [ms, text] of cases) assert.equal(shortTime(ms), text);
});

test("counts have their noun", () => {
  assert.deepEqual(
    [counted(0, "route"), counted(1, "route"), counted(12_345, "route")],
    ["0 routes", "1 route", "12,345 routes"],
  );
});

test("latencies are as exact as they are worth, and none is nothing", () => {
  const shown = [0, 0.42, 9.94, 12.3, 9999, 12_345].map(shortLatency);
  assert.deepEqual(shown, ["", "0.4 ms", "9.9 ms", "12 ms", "9999 ms", "12.3 s"]);
});

test("the time since a moment is never negative, and of no moment nothing", () => {
  const before = (ms: number) => timeSince(new Date(Date.now() - ms).toISOString());
  assert.deepEqual([before(7_200_000), before(-60_000), timeSince("soon")], ["2h", "0s", ""]);
});
