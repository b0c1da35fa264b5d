import { deepStrictEqual, ok } from "node:assert";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Route } from "../config/snapshot.ts";
import { routeOf } from "../../test/harness/routes-sample.ts";
import { ConflictBook } from "./conflict-book.ts";
import { type Conflict, findConflicts } from "./conflicts.ts";

const rules = [
  "Host(`a`)",
  "Host(`a`) || Host(`b`)",
  "Host(`b`) && Method(`GET`)",
  "Host(`b`) && Query(`x`, `1`)",
];

/** The same route is the same object. */
const pool: readonly Route[] = Array.from({ length: 8 }, (_, n) =>
  routeOf(`r${n}`, rules[n % rules.length] ?? ""),
);

const shown = (all: readonly Conflict[]) => all.map(({ why }) => why).toSorted();

test("whatever changes from list to list, the conflicts are those of the last one", () => {
  let found = 0;
  const lists = fc.array(fc.shuffledSubarray([...pool]), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(lists, (all) => {
      const book = new ConflictBook();
      for (const routes of all) {
        const conflicts = book.find(routes);
        deepStrictEqual(shown(conflicts), shown(findConflicts(routes)));
        found += conflicts.length;
      }
    }),
  );
  ok(found > 0);
});
