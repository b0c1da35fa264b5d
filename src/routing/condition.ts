// Rules as functions. They are made once, when a table is compiled; asking one allocates nothing but the
// decoded pieces of a query, and only when a rule asks about the query and the piece is encoded.
//
// A header is compared as a whole, and then value by value when it has commas: to RFC 9110 section 5.3
// two fields `X: a` and `X: b` are the same as one `X: a, b`, so a rule sees no difference either.
//
// Regular expressions are the operator's and may backtrack for long (ReDoS); the limits on heads bound
// what they are tried on, nothing bounds the time.

import type { Rule } from "../config/rule.ts";
import { regExpByLength } from "../lib/bounded-regexp.ts";
import { NetworkSet } from "../lib/ip.ts";
import { isUnder } from "../lib/path.ts";
import type { Subject } from "./subject.ts";

export type Condition = (host: string, subject: Subject) => boolean;

type Accepts = (value: string) => boolean;

export function conditionOf(rule: Rule): Condition {
  switch (rule.kind) {
    case "host":
      return hostCondition(rule.host);
    case "hostRegexp": {
      const pattern = new RegExp(rule.pattern, rule.flags);
      return (host) => pattern.test(host);
    }
    case "path":
      return (_host, subject) => subject.path === rule.path;
    case "pathPrefix":
      return rule.segment
        ? (_host, subject) => isUnder(subject.path, rule.prefix)
        : (_host, subject) => subject.path.startsWith(rule.prefix);
    case "pathRegexp": {
      const patternFor = regExpByLength(rule.pattern, rule.flags);
      const start = literalStart(rule);
      return (_host, { path }) => path.startsWith(start) && patternFor(path).test(path);
    }
    case "method":
      return (_host, subject) => subject.method === rule.method;
    case "header":
      return headerCondition(rule.name, (value) => value === rule.value);
    case "headerRegexp":
      return headerCondition(rule.name, patternTest(rule));
    case "query":
      return queryCondition(rule.name, (value) => value === rule.value);
    case "queryRegexp":
      return queryCondition(rule.name, patternTest(rule));
    case "clientIp":
      return networkCondition([rule.network]);
    // Reading refuses them in routes of HTTP; a request has no TLS hello of its own.
    case "hostSni":
    case "hostSniRegexp":
    case "alpn":
      return () => false;
    case "all": {
      const conditions = rule.rules.map(conditionOf);
      return (host, subject) => conditions.every((condition) => condition(host, subject));
    }
    case "any":
      return anyCondition(rule.rules);
    case "not": {
      const condition = conditionOf(rule.rule);
      return (host, subject) => !condition(host, subject);
    }
  }
}

/** Whether the first `length` characters of a longer path are whole segments. */
export function isBoundary(path: string, length: number): boolean {
  return path.charCodeAt(length) === 0x2f || path.charCodeAt(length - 1) === 0x2f;
}

function hostCondition(pattern: string): Condition {
  if (pattern === "*") return () => true;
  if (!pattern.startsWith("*.")) return (host) => host === pattern;
  const ending = pattern.slice(1);
  return (host) => host.endsWith(ending);
}

/** Any number of networks costs as one does. */
function anyCondition(rules: readonly Rule[]): Condition {
  const networks = rules.filter((rule) => rule.kind === "clientIp").map((rule) => rule.network);
  const conditions = rules.filter((rule) => rule.kind !== "clientIp").map(conditionOf);
  if (networks.length > 0) conditions.unshift(networkCondition(networks));
  return (host, subject) => conditions.some((condition) => condition(host, subject));
}

function networkCondition(networks: readonly string[]): Condition {
  const set = NetworkSet.of(networks);
  return (_host, subject) => set.has(subject.clientIp);
}

function patternTest(rule: { readonly pattern: string; readonly flags: string }): Accepts {
  const patternFor = regExpByLength(rule.pattern, rule.flags);
  return (value) => patternFor(value).test(value);
}

function headerCondition(name: string, accepts: Accepts): Condition {
  return (_host, subject) => {
    const value = subject.header(name);
    if (value === undefined) return false;
    return accepts(value) || (value.includes(",") && someListed(value, accepts));
  };
}

function someListed(list: string, accepts: Accepts): boolean {
  for (let start = 0; start <= list.length;) {
    const comma = list.indexOf(",", start);
    const end = comma === -1 ? list.length : comma;
    if (accepts(list.slice(start, end).trim())) return true;
    start = end + 1;
  }
  return false;
}

/** `name=value` pairs as HTML forms write them. A piece that cannot be decoded is left out. */
function queryCondition(name: string, accepts: Accepts): Condition {
  return (_host, subject) => {
    const query = subject.query;
    for (let start = 0; start < query.length;) {
      const and = query.indexOf("&", start);
      const end = and === -1 ? query.length : and;
      const equals = query.indexOf("=", start);
      const nameEnd = equals === -1 || equals > end ? end : equals;
      if (nameEnd > start && decoded(query, start, nameEnd) === name) {
        const value = nameEnd === end ? "" : decoded(query, nameEnd + 1, end);
        if (value !== undefined && accepts(value)) return true;
      }
      start = end + 1;
    }
    return false;
  };
}

function decoded(query: string, start: number, end: number): string | undefined {
  const raw = query.slice(start, end);
  const spaced = raw.includes("+") ? raw.replaceAll("+", " ") : raw;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined; // not UTF-8, or a "%" without two digits: no rule can mean it
  }
}

/**
 * What every text begins with that a pattern takes, as far as that is plain to see; "" = not at all. Ten thousand patterns take
 * 10 ms and more for one path, and ten thousand beginnings a tenth of one.
 */
export function literalStart({
  pattern,
  flags,
}: {
  readonly pattern: string;
  readonly flags: string;
}): string {
  // With an alternative the beginning is only that of the first, and what ignores case begins in many ways.
  if (flags !== "" || pattern.includes("|")) return "";
  const [, plain = "", quantifier = ""] =
    /^\^((?:[\w/~%@:,;=&!-]|\\[./-])*)([?*{]?)/.exec(pattern) ?? [];
  const certain = quantifier === "" ? plain : plain.replace(/(?:\\.|[^\\])$/, "");
  return certain.replaceAll("\\", "");
}
