// One way into a route: one term of its rule, ready to be asked. A route has as many entries as its rule has
// terms. Entries never change, so a new table shares those of the one before.

import type { Route } from "../config/snapshot.ts";
import { isUnder } from "../lib/path.ts";
import { conditionOf } from "./condition.ts";
import type { Condition } from "./condition.ts";
import type { Subject } from "./subject.ts";
import { compareHosts, comparePaths, termsOf } from "./term.ts";
import type { Term } from "./term.ts";

export interface Entry<T> {
  readonly route: Route;
  readonly term: Term;
  readonly plan: T;
  /** Place in the order of all entries with a priority, lower goes first; 0 for those without. */
  readonly rank: number;
  /** All that is to be asked but an exact host, a wildcard, an exact path and a prefix. */
  readonly checks: readonly Condition[];
  /** A prefix that must end where a path segment does. */
  readonly segment: boolean;
}

const noChecks: readonly Condition[] = [];

export function entriesOf<T>(route: Route, plan: T): readonly Entry<T>[] {
  return termsOf(route.rule).map((term) => ({
    route,
    term,
    plan,
    rank: 0,
    checks: checksOf(term),
    segment: term.path?.kind === "pathPrefix" && term.path.segment,
  }));
}

function checksOf({ host, path, conditions }: Term): readonly Condition[] {
  const isPlain = host?.kind !== "hostRegexp" && path?.kind !== "pathRegexp";
  if (isPlain && conditions.length === 0) return noChecks;
  const checks = conditions.map(conditionOf);
  if (path?.kind === "pathRegexp") checks.unshift(conditionOf(path));
  if (host?.kind === "hostRegexp") checks.unshift(conditionOf(host));
  return checks;
}

/** Sorting is stable: among equals the one configured first stays first. */
export function compareEntries<T>(a: Entry<T>, b: Entry<T>): number {
  return (
    comparePriorities(a.route.priority, b.route.priority) ||
    compareHosts(a.term.host, b.term.host) ||
    comparePaths(a.term.path, b.term.path) ||
    b.term.conditions.length - a.term.conditions.length
  );
}

function comparePriorities(a: number | undefined, b: number | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : b - a;
}

/** Whether the path is the entry's, as far as no check asks for it. */
export function hasPath<T>({ term, segment }: Entry<T>, path: string): boolean {
  const own = term.path;
  if (own === undefined || own.kind === "pathRegexp") return true;
  if (own.kind === "path") return path === own.path;
  return segment ? isUnder(path, own.prefix) : path.startsWith(own.prefix);
}

export function passes(checks: readonly Condition[], host: string, subject: Subject): boolean {
  for (let i = 0; i < checks.length; i += 1) {
    const check = checks[i];
    if (check !== undefined && !check(host, subject)) return false;
  }
  return true;
}
