// Which host names a rule claims, so that they can belong to somebody. Rather too much than too little: every
// request that the rule can match has a host among them, and the table files it under nothing else, however
// the rule is written: `HostRegexp(`.*`) && Host(`shop.test`)` stands among the routes of shop.test.

import type { Rule } from "../config/rule.ts";
import type { Route, StreamRoute } from "../config/snapshot.ts";
import { type Term, termsOf } from "./term.ts";

/** Of the same rule as before nothing is worked out again. */
const known = new WeakMap<Rule, readonly string[]>();

/** Host names, `*.name`, `~pattern`, or `*` for whatever has no other host. */
export function namesOfRule(rule: Rule): readonly string[] {
  const before = known.get(rule);
  if (before !== undefined) return before;
  const names = [...new Set(termsOf(rule).map(nameOfTerm))];
  known.set(rule, names);
  return names;
}

function nameOfTerm({ host }: Term): string {
  if (host === undefined) return "*";
  return host.kind === "host" ? host.host : `~${host.pattern}`;
}

/** The same of TLS streams, whose table looks for names elsewhere: all that are said, then. */
export function namesOfStreamRule(rule: Rule): readonly string[] {
  switch (rule.kind) {
    case "hostSni":
      return [rule.host];
    case "hostSniRegexp":
      return [`~${rule.pattern}`];
    case "any":
    case "all": {
      const parts = rule.rules.map(namesOfStreamRule);
      const names = new Set(parts.flat());
      // One part that says a name is a bound for the whole.
      const isBound = rule.kind === "all" && parts.some((each) => !each.includes("*"));
      return [...names].filter((name) => !isBound || name !== "*");
    }
    default:
      return ["*"];
  }
}

/** A route that did not change is the same object in the next snapshot. */
const namesOfRoutes = new WeakMap<Route, readonly string[]>();

export function namesOfRoute(route: Route): readonly string[] {
  let names = namesOfRoutes.get(route);
  if (names === undefined) {
    names = namesOfRule(route.rule);
    namesOfRoutes.set(route, names);
  }
  return names;
}

/** A listener of its own is what tells streams apart that say no name. */
export function namesOfStream({ rule, listeners }: StreamRoute): readonly string[] {
  const places = listeners === undefined ? ["every tcp listener"] : listeners;
  return namesOfStreamRule(rule).flatMap((name) =>
    name === "*" ? places.map((each) => `* on ${each}`) : [name],
  );
}

/** Nothing outranks a route to exactly this name except by an explicit priority. */
export function isExact(name: string): boolean {
  return !name.startsWith("*") && !name.startsWith("~");
}
