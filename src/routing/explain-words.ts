// What is told of a condition that failed, and of a route that comes before another one.

import { explainLimits } from "../config/explain-limits.ts";
import type { Rule } from "../config/rule.ts";
import { isSecretField } from "../config/words.ts";
import type { Entry } from "./entry.ts";
import type { Subject } from "./subject.ts";
import { compareHosts, comparePaths } from "./term.ts";

/** What the request has in the place that the rule asks about. */
export function whyNot(rule: Rule, host: string, subject: Subject): string {
  const seen = new Set<string>();
  collect(rule, host, subject, seen);
  const told = [...seen].slice(0, 3);
  return told.length === 0 ? "it holds for no request" : told.join(", and ");
}

function collect(rule: Rule, host: string, subject: Subject, seen: Set<string>): void {
  switch (rule.kind) {
    case "all":
    case "any":
      for (const each of rule.rules) collect(each, host, subject, seen);
      return;
    case "not":
      collect(rule.rule, host, subject, seen);
      return;
    case "host":
    case "hostRegexp":
      seen.add(host === "" ? "the request names no host" : `the host is ${shown(host)}`);
      return;
    case "path":
    case "pathPrefix":
    case "pathRegexp":
      seen.add(`the path is ${shown(subject.path)}`);
      return;
    case "method":
      seen.add(`the method is ${shown(subject.method)}`);
      return;
    case "header":
    case "headerRegexp":
      seen.add(headerOf(rule.name, subject.header(rule.name)));
      return;
    case "query":
    case "queryRegexp":
      seen.add(
        subject.query === "" ? "there is no query" : `the query is ?${shown(subject.query)}`,
      );
      return;
    case "clientIp":
      seen.add(`the client is ${shown(subject.clientIp)}`);
      return;
    case "hostSni":
    case "hostSniRegexp":
    case "alpn":
      seen.add("it is about TCP connections");
  }
}

function headerOf(name: string, value: string | undefined): string {
  if (value === undefined) return `there is no header ${name}`;
  return isSecretField(name)
    ? `the header ${name} is another`
    : `the header ${name} is ${shown(value)}`;
}

function shown(text: string): string {
  const most = explainLimits.shown;
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** Why the table prefers `winner` to `other`, both of which hold. */
export function whyBetter<T>(winner: Entry<T>, other: Entry<T>): string {
  const name = winner.route.name;
  const [first, second] = [winner.route.priority, other.route.priority];
  if (first !== second && first !== undefined) {
    const than = second === undefined ? "this one has none" : `this one has ${second}`;
    return `${name} has priority ${first}, ${than}`;
  }
  if (compareHosts(winner.term.host, other.term.host) < 0)
    return `${name} names the host more exactly`;
  if (comparePaths(winner.term.path, other.term.path) < 0)
    return `${name} names the path more exactly`;
  if (winner.term.conditions.length > other.term.conditions.length) {
    return `${name} has more conditions`;
  }
  return `${name} is configured before it`;
}
