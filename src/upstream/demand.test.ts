import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { demandPace } from "../config/limits.ts";
import { Demand } from "./demand.ts";

const settings = { wait: "page", startTimeout: 5000, idleStop: 0 } as const;

function demandAt() {
  let now = 1000;
  let told = 0;
  const clock = mock.method(performance, "now", () => now);
  const demand = new Demand(settings, () => told++);
  return {
    demand,
    told: () => told,
    pass: (ms: number) => void (now += ms),
    [Symbol.dispose]: () => clock.mock.restore(),
  };
}

test("it is told at once, and then once a second while anybody asks or waits", () => {
  using at = demandAt();
  assert.equal(at.demand.want(), true);
  assert.equal(at.told(), 1);
  at.pass(demandPace.repeat - 1);
  at.demand.want();
  at.demand.repeat();
  assert.equal(at.told(), 1);
  at.pass(1);
  at.demand.repeat();
  at.demand.want();
  assert.equal(at.told(), 2);
});

test("what did not start in time has failed, and is tried anew after a rest", () => {
  using at = demandAt();
  at.demand.want();
  at.pass(settings.startTimeout - 1);
  assert.equal(at.demand.want(), true);
  at.pass(1);
  const told = at.told();
  assert.equal(at.demand.want(), false);
  at.pass(demandPace.rest - 1);
  assert.equal(at.demand.want(), false);
  assert.equal(at.told(), told);
  at.pass(1);
  assert.equal(at.demand.want(), true);
  assert.equal(at.told(), told + 1);
});

test("once it answered, the next one who finds nobody begins anew", () => {
  using at = demandAt();
  at.demand.want();
  at.pass(settings.startTimeout - 1);
  at.demand.met();
  at.pass(2);
  assert.equal(at.demand.want(), true);
  at.pass(settings.startTimeout - 1);
  assert.equal(at.demand.want(), true);
});
