import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBreakerExpression } from "../config/breaker-expression.ts";
import type { Breaker } from "../config/service.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";

/** A breaker whose time passes as the test says; chance is spread evenly. */
class Driven {
  time = 1_000_000;
  readonly breaker: CircuitBreaker;
  #turn = 0;

  constructor(text: string, settings: Partial<Breaker> = {}) {
    const parsed = parseBreakerExpression(text);
    assert.equal(parsed.kind, "expression");
    if (parsed.kind !== "expression") throw new Error("unreachable");
    this.breaker = new CircuitBreaker(
      {
        expression: parsed.expression,
        text,
        checkPeriod: 100,
        fallbackDuration: 10_000,
        recoveryDuration: 10_000,
        status: 503,
        ...settings,
      },
      { now: () => this.time, random: () => (this.#turn += 0.618_034) % 1 },
    );
  }

  /** So many exchanges, one after the other within `ms`; returns how many were let through. */
  run(count: number, ms: number, status: number, latency = 5): number {
    let passed = 0;
    for (let each = 0; each < count; each++) {
      this.time += ms / count;
      if (!this.breaker.allows()) continue;
      passed++;
      this.breaker.record(status, latency);
    }
    return passed;
  }
}

test("it opens when the expression holds, refuses everything, and lets a growing share through after", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.30");
  assert.equal(driven.run(70, 1000, 200), 70);
  assert.equal(driven.breaker.state, "closed");
  const passed = driven.run(100, 1000, 0);
  assert.ok(passed >= 30 && passed <= 45, `${passed} failed before it opened`);
  assert.equal(driven.breaker.state, "open");
  assert.equal(driven.run(100, 8900, 200), 0);
  assert.equal(driven.breaker.state, "open");
  driven.time += 1200;
  assert.equal(driven.breaker.state, "recovering");
  assert.ok(!driven.breaker.allows(), "the share begins at nothing");
  for (const share of [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]) {
    const through = driven.run(1000, 999, 200) / 1000;
    assert.ok(Math.abs(through - share) < 0.03, `${through} of the exchanges instead of ${share}`);
    assert.equal(driven.breaker.state, "recovering");
  }
  driven.time += 20;
  assert.equal(driven.breaker.state, "closed");
  assert.equal(driven.run(100, 100, 200), 100);
});

test("it opens again when the expression holds for what came while it recovered", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.30 && RequestCount() > 10");
  driven.run(50, 1000, 0);
  assert.equal(driven.breaker.state, "open");
  driven.time += 10_000;
  const passed = driven.run(1000, 10_000, 0);
  assert.equal(driven.breaker.state, "open");
  assert.ok(passed > 10 && passed < 40, `${passed} went in before it opened again`);
});

test("what failed before it opened is not held against it while it recovers", () => {
  // Back before its window has passed.
  const driven = new Driven("NetworkErrorRatio() > 0.1", { fallbackDuration: 1000 });
  driven.run(50, 200, 0);
  assert.equal(driven.breaker.state, "open");
  driven.time += 1000;
  driven.run(1000, 9999, 200);
  assert.equal(driven.breaker.state, "recovering");
});

test("what fails while it is open, since it had begun before, is not held against it either", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.1", { fallbackDuration: 1000 });
  driven.run(50, 200, 0);
  for (let late = 0; late < 50; late++) driven.breaker.record(0, 1000);
  driven.time += 1000;
  driven.run(1000, 9999, 200);
  assert.equal(driven.breaker.state, "recovering");
  driven.run(100, 1000, 200);
  assert.equal(driven.breaker.state, "closed");
});

test("asking for its state changes nothing: recovery begins with the next exchange, however late", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.5");
  driven.run(50, 1000, 0);
  for (let hour = 0; hour < 3; hour++) {
    driven.time += 3_600_000;
    assert.equal(driven.breaker.state, "recovering");
  }
  const early = driven.run(100, 1000, 200);
  assert.ok(early < 15, `${early} of 100 went through in the first second`);
});

test("without a time to recover it is closed as soon as the refusing is over", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.5", { recoveryDuration: 0 });
  driven.run(50, 1000, 0);
  assert.equal(driven.breaker.state, "open");
  driven.time += 10_000;
  assert.equal(driven.breaker.state, "closed");
  assert.equal(driven.run(10, 50, 200), 10);
});

test("it is looked at every check period and no sooner", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.5", { checkPeriod: 500 });
  assert.equal(driven.run(40, 490, 0), 40);
  assert.equal(driven.breaker.state, "closed");
  driven.run(1, 20, 0);
  assert.equal(driven.breaker.state, "open");
});

test("with no exchanges nothing holds, not even that there are few", () => {
  const driven = new Driven("RequestCount() < 5 || NetworkErrorRatio() == 0");
  driven.time += 60_000;
  assert.ok(driven.breaker.allows());
  assert.equal(driven.breaker.state, "closed");
  driven.breaker.record(200, 1);
  assert.equal(driven.breaker.state, "closed", "it was looked at just now");
  driven.time += 100;
  assert.ok(!driven.breaker.allows());
});

test("failures are forgotten after ten seconds", () => {
  const driven = new Driven("NetworkErrorRatio() > 0.3 && RequestCount() > 50", {});
  driven.run(40, 1000, 0);
  driven.time += 10_000;
  assert.equal(driven.run(100, 1000, 200), 100);
  assert.equal(driven.breaker.state, "closed");
});

/** Whether the expression held after exchanges of these statuses. */
function opens(text: string, statuses: readonly number[], latencies: readonly number[] = [1]) {
  const driven = new Driven(text, { checkPeriod: 1000 });
  for (const [index, status] of statuses.entries()) {
    driven.breaker.record(status, latencies[index % latencies.length] ?? 0);
  }
  driven.time += 1000;
  driven.breaker.allows();
  return driven.breaker.state === "open";
}

test("statuses are counted from the first up to below the second", () => {
  const ratio = "ResponseCodeRatio(500, 600, 0, 600)";
  assert.ok(opens(`${ratio} > 0.25`, [500, 599, 200]));
  assert.ok(!opens(`${ratio} > 0.25`, [499, 200, 404, 600]));
  assert.ok(opens(`${ratio} == 0.25`, [500, 200, 200, 200, 600]));
  assert.ok(opens("ResponseCodeRatio(500, 600, 200, 300) >= 2", [500, 503, 200, 404]));
  assert.ok(
    opens("ResponseCodeRatio(500, 600, 200, 300) == 0", [500, 404]),
    "nothing to divide by",
  );
});

test("who got no answer counts as 502 among the statuses", () => {
  assert.ok(opens("ResponseCodeRatio(500, 600, 0, 600) > 0.25", [0, 200]));
  assert.ok(!opens("ResponseCodeRatio(503, 504, 0, 600) > 0.25", [0, 200]));
});

test("every operator compares as it is written", () => {
  const three = [200, 200, 200];
  const results = {
    ">": [2, 3],
    ">=": [3, 4],
    "<": [4, 3],
    "<=": [3, 2],
    "==": [3, 2],
    "!=": [2, 3],
  };
  for (const [operator, [holds, fails]] of Object.entries(results)) {
    assert.ok(opens(`RequestCount() ${operator} ${holds}`, three), `3 ${operator} ${holds}`);
    assert.ok(!opens(`RequestCount() ${operator} ${fails}`, three), `3 ${operator} ${fails}`);
    assert.ok(opens(`!(RequestCount() ${operator} ${fails})`, three), `not 3 ${operator} ${fails}`);
  }
  assert.ok(!opens("RequestCount() == 3 && RequestCount() == 4", three));
  assert.ok(opens("RequestCount() == 4 || RequestCount() == 3", three));
});

test("a latency at a quantile is within 3 % of the true one, from 1 ms to a quarter of an hour", () => {
  const statuses = Array.from({ length: 101 }, () => 200);
  for (const scale of [0.01, 1, 37, 4500]) {
    const latencies = statuses.map((_, index) => 100 * scale * (1 + ((index * 37) % 101) / 100));
    for (const percent of [0, 1, 50, 95, 100]) {
      const true_ = 100 * scale * (1 + percent / 100);
      const metric = `LatencyAtQuantileMS(${percent})`;
      assert.ok(opens(`${metric} > ${(true_ * 0.97).toFixed(6)}`, statuses, latencies), metric);
      assert.ok(!opens(`${metric} > ${(true_ * 1.03).toFixed(6)}`, statuses, latencies), metric);
    }
  }
  assert.ok(opens("LatencyAtQuantileMS(50) < 1", [200], [0]));
  assert.ok(opens("LatencyAtQuantileMS(50) > 1000000", [200], [1e12]));
});

test("only answers have a latency", () => {
  assert.ok(opens("LatencyAtQuantileMS(100) < 6", [200, 0, 0], [5, 60_000, 60_000]));
  assert.ok(opens("LatencyAtQuantileMS(50) > 4", [200, 0, 0, 0], [5]));
  assert.ok(opens("LatencyAtQuantileMS(50) == 0", [0]));
});
