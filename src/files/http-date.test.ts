import assert from "node:assert/strict";
import { test } from "node:test";
import { readHttpDate } from "./http-date.ts";

test("the three forms of a date are the same moment", () => {
  const moment = Date.UTC(1994, 10, 6, 8, 49, 37);
  assert.equal(readHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), moment);
  assert.equal(readHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), moment);
  assert.equal(readHttpDate("Sun Nov  6 08:49:37 1994"), moment);
});

test("a short year is at most fifty years ahead", () => {
  const year = new Date().getUTCFullYear();
  const short = (full: number) => String(full % 100).padStart(2, "0");
  const yearOf = (full: number) => {
    const read = readHttpDate(`Sunday, 06-Nov-${short(full)} 08:49:37 GMT`);
    return new Date(read ?? 0).getUTCFullYear();
  };
  assert.equal(yearOf(year + 50), year + 50);
  assert.equal(yearOf(year + 51), year - 49);
});

test("what is no date is none", () => {
  const texts = [
    "",
    "0",
    "now",
    "2026-01-02T03:04:05Z",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 32 Nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nox 1994 08:49:37 GMT",
    "Sun, 06 anF 1994 08:49:37 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
  ];
  for (const text of texts) assert.equal(readHttpDate(text), undefined, text);
});
