import assert from "node:assert/strict";
import { test } from "node:test";
import { Latency } from "./latency.ts";

class Driven {
  time = 1000;
  readonly latency = new Latency({ now: () => this.time });

  add(count: number, everyMs: number, ms: number): void {
    for (let each = 0; each < count; each++) {
      this.time += everyMs;
      this.latency.add(ms);
    }
  }
}

function assertNear(value: number, wanted: number): void {
  assert.ok(Math.abs(value - wanted) <= wanted * 0.02, `${value} instead of ${wanted}`);
}

test("it is nothing at first, then the first answer's time, and stays while nothing is added", () => {
  const driven = new Driven();
  assert.equal(driven.latency.value, 0);
  driven.latency.add(40);
  assert.equal(driven.latency.value, 40);
  driven.time += 1e9;
  assert.equal(driven.latency.value, 40);
});

test("many answers at the same instant are averaged", () => {
  const driven = new Driven();
  for (const ms of [10, 20, 30, 40]) driven.latency.add(ms);
  assertNear(driven.latency.value, 25);
});

test("after ten seconds of another latency it is half way there, at any rate of answers", () => {
  for (const everyMs of [1, 10, 100]) {
    const driven = new Driven();
    driven.add(200_000 / everyMs, everyMs, 100);
    assertNear(driven.latency.value, 100);
    driven.add(10_000 / everyMs, everyMs, 200);
    assertNear(driven.latency.value, 150);
    driven.add(10_000 / everyMs, everyMs, 200);
    assertNear(driven.latency.value, 175);
  }
});

test("a single slow answer among hundreds changes little, a rare one stands for itself", () => {
  const driven = new Driven();
  driven.add(1000, 10, 10);
  driven.latency.add(1000);
  assert.ok(driven.latency.value < 13, `${driven.latency.value}`);
  driven.time += 600_000;
  driven.latency.add(50);
  assertNear(driven.latency.value, 50);
});
