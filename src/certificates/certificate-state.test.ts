import assert from "node:assert/strict";
import { test } from "node:test";
import type { Certificate } from "../config/certificate.ts";
import { timeStateOf } from "./certificate-state.ts";

const day = 86_400_000;

function lasting(days: number): Certificate {
  return { notBefore: 0, notAfter: days * day } as Certificate;
}

test("it ends soon when a fifth of its life is left, and at most a month before its end", () => {
  const cases: readonly [days: number, at: number, state: string][] = [
    [90, -0.01, "not yet valid"],
    [90, 0, "ok"],
    [90, 71.9, "ok"],
    [90, 72.1, "expires soon"],
    [90, 89.99, "expires soon"],
    [90, 90, "expired"],
    [6, 4.7, "ok"],
    [6, 4.9, "expires soon"],
    [398, 367.9, "ok"],
    [398, 368.1, "expires soon"],
    [3650, 3619, "ok"],
    [3650, 3621, "expires soon"],
  ];
  for (const [days, at, state] of cases) {
    assert.equal(timeStateOf(lasting(days), at * day), state, `day ${at} of ${days}`);
  }
});
