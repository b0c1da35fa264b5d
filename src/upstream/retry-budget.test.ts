import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "./retry-budget.ts";

test("an outage costs a share of the exchanges more, and a few", () => {
  let time = 0;
  const budget = new RetryBudget(0.2, { now: () => time });
  let granted = 0;
  for (let each = 0; each < 1000; each++) {
    time += 5;
    budget.count();
    if (budget.take()) granted++;
    if (budget.take()) granted++;
  }
  assert.equal(granted, 210);
});

test("a quiet service may repeat what it has, and a share of 0 leaves the few", () => {
  let time = 0;
  for (const ratio of [0, 0.2]) {
    const budget = new RetryBudget(ratio, { now: () => time });
    for (let each = 0; each < 100; each++) {
      time += 2000;
      budget.count();
      assert.ok(budget.take());
    }
    assert.deepEqual(
      Array.from({ length: 12 }, () => budget.take()).filter(Boolean).length,
      // Five of the ten were used within the last ten seconds.
      ratio === 0 ? 5 : 6,
    );
  }
});

test("what is used up comes back as time goes on", () => {
  let time = 500;
  const budget = new RetryBudget(0.5, { now: () => time });
  const takeAll = () => {
    let taken = 0;
    while (budget.take()) taken++;
    return taken;
  };
  for (let each = 0; each < 20; each++) budget.count();
  assert.equal(takeAll(), 20);
  time += 9000;
  assert.equal(takeAll(), 0);
  time += 1000;
  assert.equal(takeAll(), 10, "the exchanges are forgotten as well");
});
