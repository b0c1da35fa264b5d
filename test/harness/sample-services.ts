// Services as an operator may find them: one of each state, and some whose names are out to harm.

import type { BackendRow, ServiceRow } from "../../src/admin/operations.ts";

/** So long ago that a command of this test shows it with the same two units a moment later. */
export const ago = (minutes: number): string =>
  new Date(Date.now() - minutes * 60_000).toISOString();

export function backendRow(url: string, more: Partial<BackendRow> = {}): BackendRow {
  return {
    url,
    state: "up",
    since: ago(125),
    why: "",
    weight: 1,
    tier: 0,
    inFlight: 0,
    waiting: 0,
    answered: 0,
    failed: 0,
    latency: 0,
    lastCheck: undefined,
    ...more,
  };
}

export function serviceRow(name: string, more: Partial<ServiceRow> = {}): ServiceRow {
  return {
    name,
    kind: "backends",
    balance: "two-random",
    state: "up",
    since: ago(125),
    held: 0,
    breaker: undefined,
    parts: [],
    backends: [backendRow("http://10.0.0.1:80")],
    ...more,
  };
}

export const good = (text: string) => ({ at: ago(0), isGood: true, ms: 3, text });
export const bad = (text: string) => ({ at: ago(0), isGood: false, ms: 3, text });
