// Whether a route has a regular expression that could keep a worker busy for years. Of the operator's own that
// is the operator's affair; of what labels say it is an attack, or a slip that everybody would pay for.

import { isBounded } from "../lib/bounded-regexp.ts";
import { patternsOf as patternsOfListed } from "./middlewares/list.ts";
import type { Rule } from "./rule.ts";
import type { MiddlewareUse } from "./snapshot.ts";

/** The pattern; undefined = all of them are fine. */
export function unboundedOf(patterns: readonly Pattern[]): string | undefined {
  return patterns.find(({ pattern, flags }) => !isBounded(pattern, flags))?.pattern;
}

export interface Pattern {
  readonly pattern: string;
  readonly flags: string;
}

/** Of a list, and of keys of a route. */
export function patternsIn(middlewares: readonly MiddlewareUse[]): readonly Pattern[] {
  return middlewares.flatMap((use) => {
    if ("written" in use) return patternsOfListed(use);
    if (use.kind === "redirectMatch") return [use];
    return use.kind === "replacePath" ? [{ pattern: use.pattern, flags: "" }] : [];
  });
}

export function patternsOf(rule: Rule): Pattern[] {
  switch (rule.kind) {
    case "hostRegexp":
    case "pathRegexp":
    case "headerRegexp":
    case "queryRegexp":
    case "hostSniRegexp":
      return [rule];
    case "all":
    case "any":
      return rule.rules.flatMap(patternsOf);
    case "not":
      return patternsOf(rule.rule);
    case "host":
    case "path":
    case "pathPrefix":
    case "method":
    case "header":
    case "query":
    case "clientIp":
    case "hostSni":
    case "alpn":
      return [];
  }
}
