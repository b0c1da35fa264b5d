import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "../../test/harness/barrier.ts";
import { Turns } from "./turns.ts";

test("so many run at once, the others in order, and one that fails gives its turn back", async () => {
  const turns = new Turns(2);
  const gates = [0, 1, 2, 3].map(() => signal());
  const begun: number[] = [];
  const all = gates.map(({ promise }, at) =>
    turns.run(async () => {
      begun.push(at);
      await promise;
      if (at === 0) throw new Error("planted");
    }),
  );
  const first = assert.rejects(all[0] ?? Promise.resolve(), /planted/);
  assert.deepEqual(begun, [0, 1]);
  gates[0]?.fire();
  await first;
  assert.deepEqual(begun, [0, 1, 2]);
  gates[2]?.fire();
  await all[2];
  assert.deepEqual(begun, [0, 1, 2, 3]);
  gates[1]?.fire();
  gates[3]?.fire();
  await Promise.all(all.slice(1));
  assert.equal(await turns.run(async () => "again"), "again");
});
