import assert from "node:assert/strict";
import { test } from "node:test";
import { readServices } from "./answers.ts";
import type { BackendRow, ServiceRow } from "./operations.ts";

test("services are understood whatever has become of their backends", () => {
  const states: readonly BackendRow["state"][] = [
    ...(["up", "down", "unchecked", "dead", "draining", "stopped"] as const),
    ...(["starting", "unhealthy", "paused", "unreachable", "missing"] as const),
  ];
  const backends = states.map((state): BackendRow => {
    const numbers = { weight: 1, tier: 0, inFlight: 0, waiting: 0, answered: 0, failed: 0 };
    const since = "2026-11-21T00:00:00.000Z";
    return { url: state, state, since, why: "", ...numbers, latency: 0, lastCheck: undefined };
  });
  for (const kind of ["backends", "split", "failover", "mirror", "addressed"] as const) {
    const row: ServiceRow = {
      name: kind,
      kind,
      balance: "",
      state: "degraded",
      since: "2026-11-21T00:00:00.000Z",
      held: 0,
      breaker: undefined,
      parts: [],
      backends,
    };
    const told = JSON.stringify([row]);
    const [read] = readServices(JSON.parse(told)) ?? [];
    assert.equal(read?.kind, kind);
    assert.deepEqual(
      read.backends.map(({ state }) => state),
      states,
    );
  }
});
