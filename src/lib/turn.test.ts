import assert from "node:assert/strict";
import { test } from "node:test";
import { atTurnEnd } from "./turn.ts";

const turn = () => new Promise((done) => setImmediate(done));

test("everybody is told once, at the end of the turn, and who asks again, at the end of the next", async () => {
  const told: string[] = [];
  atTurnEnd({
    onTurnEnd: () => {
      told.push("first");
      atTurnEnd({ onTurnEnd: () => told.push("later") });
    },
  });
  atTurnEnd({ onTurnEnd: () => told.push("second") });
  assert.deepEqual(told, []);
  await turn();
  assert.deepEqual(told, ["first", "second"]);
  await turn();
  assert.deepEqual(told, ["first", "second", "later"]);
});
