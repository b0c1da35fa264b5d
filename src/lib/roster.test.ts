import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Roster, type Rostered } from "./roster.ts";

test("it holds what a set would hold, whoever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20))), (steps) => {
      const members: Rostered[] = Array.from({ length: 21 }, () => ({ place: -1 }));
      const roster = new Roster<Rostered>();
      const set = new Set<Rostered>();
      for (const [isAdded, index] of steps) {
        const member = members[index]!;
        if (!isAdded) assert.equal(roster.delete(member), set.delete(member));
        else if (!set.has(member)) {
          roster.add(member);
          set.add(member);
        }
        assert.equal(roster.size, set.size);
      }
      assert.deepEqual(new Set(roster.all()), set);
      assert.equal(
        roster.count((each) => each.place % 2 === 0),
        [...set].filter((each) => each.place % 2 === 0).length,
      );
    }),
  );
});
