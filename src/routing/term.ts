// A rule taken apart so that it can be looked up. Any rule is an "or" of terms (its disjunctive normal
// form), and a term is at most one host, at most one path, and further conditions. A table files each term
// under its host and path, so Host(`a`) || Host(`b`) is found under both.
//
// Only as much is multiplied out as filing needs: (Header(...) || Method(...)) asks about neither host nor
// path, so it stays whole and counts as one condition.

import type { Rule } from "../config/rule.ts";

type RuleOf<K extends Rule["kind"]> = Extract<Rule, { readonly kind: K }>;

export interface Term {
  /** undefined = any host. Never `*`. */
  readonly host: RuleOf<"host" | "hostRegexp"> | undefined;
  /** undefined = any path. Never the prefix `/`, which every path has. */
  readonly path: RuleOf<"path" | "pathPrefix" | "pathRegexp"> | undefined;
  readonly conditions: readonly Rule[];
}

/** A rule with more terms is not taken apart: it is tried as a whole, after everything more specific. */
const maxTerms = 4096;

export function termsOf(rule: Rule): readonly Term[] {
  // Nearly all rules are one condition or a plain "and" of some; with ten thousand of them it shows.
  if (isLeaf(rule)) return [termFrom([rule])];
  if (rule.kind === "all" && rule.rules.every(isLeaf)) return [termFrom(rule.rules)];
  if (countTerms(rule, false) > maxTerms) {
    return [{ host: undefined, path: undefined, conditions: [rule] }];
  }
  return expand(rule, false).map(termFrom);
}

/**
 * Negative when the host `a` goes before the host `b`: exact, then the longest wildcard, then a pattern,
 * then none.
 */
export function compareHosts(a: Term["host"], b: Term["host"]): number {
  const order = hostTier(a) - hostTier(b);
  if (order !== 0 || a?.kind !== "host" || b?.kind !== "host" || !isWildcard(a)) return order;
  return b.host.length - a.host.length;
}

/** Negative when the path `a` goes before the path `b`: exact, then the longest prefix, pattern, none. */
export function comparePaths(a: Term["path"], b: Term["path"]): number {
  const order = pathTier(a) - pathTier(b);
  if (order !== 0 || a?.kind !== "pathPrefix" || b?.kind !== "pathPrefix") return order;
  return b.prefix.length - a.prefix.length;
}

export function isWildcard(rule: RuleOf<"host">): boolean {
  return rule.host.startsWith("*.");
}

function hostTier(host: Term["host"]): number {
  if (host === undefined) return 3;
  if (host.kind === "hostRegexp") return 2;
  return isWildcard(host) ? 1 : 0;
}

function pathTier(path: Term["path"]): number {
  if (path === undefined) return 3;
  return path.kind === "path" ? 0 : path.kind === "pathPrefix" ? 1 : 2;
}

/** How a rule is multiplied out, where `negated` says that an odd number of "not" stands around it. */
function shapeOf(rule: Rule, negated: boolean): "and" | "or" | "not" | "literal" {
  const isAll = rule.kind === "all";
  if (isAll && !negated) return "and";
  if (!asksHostOrPath(rule)) return "literal";
  if (rule.kind === "not") return "not";
  if (isAll || rule.kind === "any") return isAll === negated ? "or" : "and";
  return "literal";
}

function asksHostOrPath(rule: Rule): boolean {
  switch (rule.kind) {
    case "host":
    case "hostRegexp":
    case "path":
    case "pathPrefix":
    case "pathRegexp":
      return true;
    case "all":
    case "any":
      return rule.rules.some(asksHostOrPath);
    case "not":
      return asksHostOrPath(rule.rule);
    case "method":
    case "header":
    case "headerRegexp":
    case "query":
    case "queryRegexp":
    case "clientIp":
    // Never part of a route of HTTP: what is asked about a TLS hello is not the host of a request.
    case "hostSni":
    case "hostSniRegexp":
    case "alpn":
      return false;
  }
}

function isLeaf(rule: Rule): boolean {
  return rule.kind !== "all" && rule.kind !== "any" && rule.kind !== "not";
}

function partsOf(rule: Rule): readonly Rule[] {
  if (rule.kind === "all" || rule.kind === "any") return rule.rules;
  return rule.kind === "not" ? [rule.rule] : [];
}

function countTerms(rule: Rule, negated: boolean): number {
  const parts = partsOf(rule);
  switch (shapeOf(rule, negated)) {
    case "literal":
      return 1;
    case "not":
      return parts.reduce((sum, part) => sum + countTerms(part, !negated), 0);
    case "or":
      return parts.reduce((sum, part) => sum + countTerms(part, negated), 0);
    case "and":
      return parts.reduce((product, part) => product * countTerms(part, negated), 1);
  }
}

/** Lists of literals: a literal is a rule that is tried as it is. */
function expand(rule: Rule, negated: boolean): readonly (readonly Rule[])[] {
  const parts = partsOf(rule);
  switch (shapeOf(rule, negated)) {
    case "literal":
      return [[negated ? { kind: "not", rule } : rule]];
    case "not":
      return parts.flatMap((part) => expand(part, !negated));
    case "or":
      return parts.flatMap((part) => expand(part, negated));
    case "and":
      return parts
        .map((part) => expand(part, negated))
        .reduce((left, right) => left.flatMap((a) => right.map((b) => [...a, ...b])), [[]]);
  }
}

/** Files the literals under the most specific host and path among them. */
function termFrom(literals: readonly Rule[]): Term {
  let host: Term["host"];
  let path: Term["path"];
  const conditions: Rule[] = [];
  for (const literal of literals) {
    if (isAlwaysTrue(literal)) continue;
    if (literal.kind === "host" || literal.kind === "hostRegexp") {
      const isBetter = compareHosts(literal, host) < 0;
      const other = isBetter ? host : literal;
      if (isBetter) host = literal;
      if (other !== undefined) conditions.push(other);
    } else if (
      literal.kind === "path" ||
      literal.kind === "pathPrefix" ||
      literal.kind === "pathRegexp"
    ) {
      const isBetter = comparePaths(literal, path) < 0;
      const other = isBetter ? path : literal;
      if (isBetter) path = literal;
      if (other !== undefined) conditions.push(other);
    } else {
      conditions.push(literal);
    }
  }
  return { host, path, conditions };
}

function isAlwaysTrue(literal: Rule): boolean {
  if (literal.kind === "host") return literal.host === "*";
  return literal.kind === "pathPrefix" && literal.prefix === "/";
}
