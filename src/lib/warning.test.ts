import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Warning } from "./warning.ts";

test("a flood is one line, and the next line says how many were not written", () => {
  let now = 5000;
  const clock = mock.method(performance, "now", () => now);
  const told: unknown[] = [];
  const warning = new Warning("trouble", { route: "a" }, (...said) => told.push(said));
  for (let count = 0; count < 1000; count++) warning.raise({ cause: String(count) });
  assert.deepEqual(told, [["trouble", { route: "a", cause: "0" }]]);
  now += 9999;
  warning.raise({ cause: "still" });
  assert.equal(told.length, 1);
  now += 1;
  warning.raise({ cause: "last" });
  assert.deepEqual(told[1], ["trouble", { route: "a", cause: "last", unwritten: "1000" }]);
  now += 20_000;
  warning.raise({ cause: "alone" });
  assert.deepEqual(told[2], ["trouble", { route: "a", cause: "alone" }]);
  clock.mock.restore();
});
