// Random rules and routes, made of whatever single conditions a test has in mind.

import * as fc from "fast-check";
import type { Rule } from "../../src/config/rule.ts";
import type { Route } from "../../src/config/snapshot.ts";
import { routeOf } from "./routes-sample.ts";

/** Of all three ways to put conditions together, three deep. */
export function rulesOf(leaf: fc.Arbitrary<Rule>): fc.Arbitrary<Rule> {
  const { rule } = fc.letrec<{ rule: Rule }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.array(tie("rule"), { maxLength: 3 }).map((rules): Rule => ({ kind: "all", rules })),
      fc.array(tie("rule"), { maxLength: 3 }).map((rules): Rule => ({ kind: "any", rules })),
      tie("rule").map((each): Rule => ({ kind: "not", rule: each })),
    ),
  }));
  return rule;
}

/** Named r0, r1 …; some have a priority. */
export function routesOf(leaf: fc.Arbitrary<Rule>): fc.Arbitrary<Route[]> {
  const priority = fc.option(fc.integer({ min: -1, max: 2 }), { nil: undefined, freq: 2 });
  return fc
    .array(fc.tuple(rulesOf(leaf), priority), { maxLength: 12 })
    .map((all) => all.map(([each, rank], index) => routeOf(`r${index}`, each, rank)));
}
