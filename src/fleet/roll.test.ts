import assert from "node:assert/strict";
import { test } from "node:test";
import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { Roll } from "./roll.ts";

const text = (pid: number) => JSON.stringify({ id: `id ${pid}`, pid });
const shown = (roll: Roll) =>
  roll.entries.map(({ name, facts, goneSince }) => `${name} ${facts.pid} ${goneSince ?? "there"}`);

test("who left is still known, until it is back", () => {
  let now = 1000;
  const roll = new Roll(() => now);
  roll.load([
    { name: "b", text: text(2) },
    { name: "a", text: text(1) },
  ]);
  assert.deepEqual(shown(roll), ["a 1 there", "b 2 there"]);
  now = 2000;
  roll.change("a", undefined);
  roll.change("never", undefined);
  assert.deepEqual(shown(roll), ["a 1 2000", "b 2 there"]);
  // While etcd could not be asked, one came and one went.
  now = 3000;
  roll.load([{ name: "a", text: text(7) }]);
  assert.deepEqual(shown(roll), ["a 7 there", "b 2 3000"]);
});

test("what says nothing of a node is none, and of those that left the latest are kept", () => {
  const roll = new Roll(() => 5);
  for (const rubbish of ["", "x", "[]", '{"id":""}', "null"]) roll.change("a", rubbish);
  assert.deepEqual(shown(roll), []);
  for (let at = 0; at < limits.gone + 3; at++) {
    roll.change(`n${at}`, text(at));
    roll.change(`n${at}`, undefined);
  }
  assert.equal(roll.entries.length, limits.gone);
  assert.ok(!roll.entries.some(({ name }) => name === "n0"));
});
