import assert from "node:assert/strict";
import { test } from "node:test";
import { readRenewalInfo } from "./renewal-info.ts";

const now = Date.parse("2026-11-21T19:00:00Z");
const hour = 3_600_000;
const window = { start: "2026-12-01T00:00:00Z", end: "2026-12-02T00:00:00.123456789+01:00" };

test("a window is read, and asked for again neither too soon nor too late", () => {
  const rows: readonly [wait: number | undefined, later: number][] = [
    [undefined, 6 * hour],
    [2 * hour, 2 * hour],
    [0, 60_000],
    [1000 * hour, 24 * hour],
  ];
  for (const [wait, later] of rows) {
    const info = readRenewalInfo({ suggestedWindow: window }, wait, now);
    assert.equal(info?.askAgainAt, now + later);
    assert.equal(info?.start, Date.parse("2026-12-01T00:00:00Z"));
    assert.equal(info?.end, Date.parse("2026-12-01T23:00:00.123Z"));
    assert.equal(info?.explanation, undefined);
  }
});

test("a window that is none is no window", () => {
  const { start, end } = window;
  for (const bad of [
    undefined,
    null,
    [],
    "x",
    {},
    { suggestedWindow: {} },
    { suggestedWindow: { start } },
    { suggestedWindow: { start: end, end: start } },
    { suggestedWindow: { start, end: start } },
    { suggestedWindow: { start: "tomorrow", end } },
    { suggestedWindow: { start: "2026-13-41T00:00:00Z", end } },
    { suggestedWindow: { start: 0, end: 1 } },
    JSON.parse('{"__proto__":{"suggestedWindow":{}}}'),
  ]) {
    assert.equal(readRenewalInfo(bad, undefined, now), undefined, JSON.stringify(bad));
  }
});

test("a page that explains it is one of the web", () => {
  const page = (explanationURL: unknown) =>
    readRenewalInfo({ suggestedWindow: window, explanationURL }, undefined, now)?.explanation;
  assert.equal(page("https://ca.test/why"), "https://ca.test/why");
  for (const bad of ["javascript:alert(1)", "https://a b", 7, ""])
    assert.equal(page(bad), undefined);
});
