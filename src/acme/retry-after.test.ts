import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfter } from "./retry-after.ts";

test("Retry-After is seconds or a date, and never more than reason allows", () => {
  const now = Date.parse("2026-11-21T19:00:00Z");
  const longest = 8 * 86_400_000;
  const rows: readonly [string | undefined, number | undefined][] = [
    ["0", 0],
    [" 120 ", 120_000],
    ["9999999999", longest],
    ["Sat, 21 Nov 2026 19:01:00 GMT", 60_000],
    ["Sat, 21 Nov 2026 18:00:00 GMT", 0],
    ["Sun, 21 Nov 2066 19:00:00 GMT", longest],
    [undefined, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2027", 2_027_000],
    ["99999999999", undefined],
    ["Sat, some other day, perhaps", undefined],
  ];
  for (const [value, expected] of rows) assert.equal(retryAfter(value, now), expected, value);
});
