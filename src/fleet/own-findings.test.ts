import assert from "node:assert/strict";
import { test } from "node:test";
import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { OwnFindings } from "./own-findings.ts";

const services = new Map([
  ["pair", ["a", "b"]],
  ["five", ["a", "b", "c", "d", "e"]],
  ["single", ["x"]],
  ["other", ["y"]],
  ["idle", Array.from({ length: 1000 }, (_, at) => String(at))],
]);

function sample() {
  const state = { now: 1000 };
  const own = new OwnFindings(
    (service) => services.get(service) ?? [],
    () => state.now,
  );
  const dead = (service: string, ...backends: readonly string[]) => {
    for (const backend of backends) {
      own.note({ kind: "dead", service, backend, for: 10_000, why: "", isUnreachable: true });
    }
  };
  const alive = (service: string, backend: string) => own.note({ kind: "alive", service, backend });
  return { state, own, dead, alive };
}

test("one of two, two of five, and a single one may well be dead", () => {
  for (const [service, ...backends] of [
    ["pair", "a"],
    ["five", "a", "b"],
    ["single", "x"],
  ] as const) {
    const { own, dead } = sample();
    dead(service, ...backends);
    assert.equal(own.isDoubtful(), false, service);
  }
});

test("most of a service, or most of all that is asked, look as if we were cut off", () => {
  for (const all of [
    [["pair", "a", "b"]],
    [["five", "a", "b", "c"]],
    [
      ["single", "x"],
      ["other", "y"],
    ],
  ] as const) {
    const { own, dead } = sample();
    for (const [service, ...backends] of all) dead(service, ...backends);
    assert.equal(own.isDoubtful(), true, JSON.stringify(all));
  }
});

test("what lives again, is served no longer or was found long ago does not count", () => {
  const { state, own, dead, alive } = sample();
  dead("pair", "a", "b");
  alive("pair", "b");
  assert.equal(own.isDoubtful(), false);
  dead("gone", "a", "b", "c");
  dead("pair", "no longer there");
  assert.equal(own.isDoubtful(), false);
  dead("pair", "b");
  assert.equal(own.isDoubtful(), true);
  // Its time is over, and nobody has found out since whether it lives.
  state.now += 20_000;
  assert.equal(own.isInForce("pair", "b"), false);
  assert.equal(own.isDoubtful(), true);
  state.now += limits.findingFor;
  assert.equal(own.isDoubtful(), false);
});

test("who is contradicted remembers it for a while", () => {
  const { state, own, dead } = sample();
  assert.equal(own.dispute("pair", "a"), false, "nothing was found here");
  dead("pair", "a");
  assert.equal(own.isInForce("pair", "a"), true);
  assert.equal(own.dispute("pair", "a"), true);
  assert.equal(own.isInForce("pair", "a"), false);
  assert.equal(own.isDisputed("pair", "a"), true);
  assert.equal(own.isDisputed("pair", "b"), false);
  state.now += limits.disputedFor;
  assert.equal(own.isDisputed("pair", "a"), false);
});
