// Whether a route has a regular expression that could keep a worker busy for years. Of the operator's own that
// is the operator's affair; of what labels say it is an attack, or a slip that everybody would pay for.

import { isBounded } from "../lib/bounded-regexp.ts";
import type { Rule } from "./rule.ts";
import type { MiddlewareUse } from "./snapshot.ts";

/** The pattern; undefined = all of them are fine. */
export function unboundedPatternOf(
  rule: Rule,
  middlewares: readonly MiddlewareUse[] = [],
): string | undefined {
  return patternsOf(rule, middlewares).find(({ pattern, flags }) => !isBounded(pattern, flags))
    ?.pattern;
}

interface Pattern {
  readonly pattern: string;
  readonly flags: string;
}

function patternsOf(rule: Rule, middlewares: readonly MiddlewareUse[]): Pattern[] {
  const own = middlewares.flatMap((use) => {
    if (use.kind === "redirectMatch") return [use];
    return use.kind === "replacePath" ? [{ pattern: use.pattern, flags: "" }] : [];
  });
  return [...patternsOfRule(rule), ...own];
}

function patternsOfRule(rule: Rule): Pattern[] {
  switch (rule.kind) {
    case "hostRegexp":
    case "pathRegexp":
    case "headerRegexp":
    case "queryRegexp":
    case "hostSniRegexp":
      return [rule];
    case "all":
    case "any":
      return rule.rules.flatMap(patternsOfRule);
    case "not":
      return patternsOfRule(rule.rule);
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
