// Pairs of routes that can claim the same request at the same rank, so that only their order in the
// configuration decides. Nearly always somebody's mistake, so it is reported with both places.
//
// Two patterns (HostRegexp, PathRegexp) that differ may still overlap; that cannot be told from the text
// and is not reported. Routes are compared only within their group of host, path and number of
// conditions, so ten thousand routes cost little more than reading them.

import type { Rule } from "../config/rule.ts";
import { formatRule } from "../config/rule.ts";
import type { Route } from "../config/snapshot.ts";
import { NetworkSet, parseNetwork } from "../lib/ip.ts";
import { termsOf } from "./term.ts";
import type { Term } from "./term.ts";

export interface Conflict {
  /** The one configured first, which gets the requests. */
  readonly a: Route;
  readonly b: Route;
  readonly why: string;
}

interface Claim {
  readonly route: Route;
  readonly term: Term;
  /** The conditions' canonical texts, sorted. */
  readonly conditions: readonly string[];
}

/** Sets of conditions compared pairwise in one group; more are compared with the equal ones only. */
const maxCompared = 100;

export function findConflicts(routes: readonly Route[]): readonly Conflict[] {
  const groups = new Map<string, Claim[]>();
  for (const route of routes) {
    for (const term of termsOf(route.rule)) {
      const conditions = term.conditions.map(formatRule).toSorted();
      const key = JSON.stringify([
        route.priority ?? null,
        keyOf(term.host),
        keyOf(term.path),
        conditions.length,
      ]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [{ route, term, conditions }]);
      else group.push({ route, term, conditions });
    }
  }
  const conflicts = new Map<string, Conflict>();
  for (const group of groups.values()) {
    if (group.length > 1) compareGroup(group, conflicts);
  }
  return [...conflicts.values()];
}

function keyOf(key: Term["host"] | Term["path"]): string {
  if (key === undefined) return "";
  // With or without a segment's end, two equal prefixes have one rank and requests in common.
  return formatRule(key.kind === "pathPrefix" ? { ...key, segment: false } : key);
}

/** Equal conditions are found by their text; different ones pairwise, as far as the limit goes. */
function compareGroup(group: readonly Claim[], conflicts: Map<string, Conflict>): void {
  const distinct = new Map<string, Claim>();
  for (const claim of group) {
    const text = JSON.stringify(claim.conditions);
    const first = distinct.get(text);
    if (first !== undefined) report(first, claim, "with the same conditions", conflicts);
    else distinct.set(text, claim);
  }
  const claims = [...distinct.values()].slice(0, maxCompared);
  for (const [index, a] of claims.entries()) {
    for (const b of claims.slice(index + 1)) {
      if (a.route === b.route || areDisjoint(a.term, b.term)) continue;
      report(a, b, "with conditions that can hold at once", conflicts);
    }
  }
}

function report(a: Claim, b: Claim, how: string, conflicts: Map<string, Conflict>): void {
  if (a.route === b.route) return;
  const key = JSON.stringify([a.route.name, b.route.name]);
  if (conflicts.has(key)) return;
  const { host, path } = a.term;
  const keys = [host, path].filter((each) => each !== undefined).map(formatRule);
  const what = keys.length === 0 ? "every host and path" : keys.join(" && ");
  const rank = a.route.priority === undefined ? "" : ` and priority ${a.route.priority}`;
  const why =
    `"${a.route.name}" (${a.route.origin.place}) and "${b.route.name}" (${b.route.origin.place}) ` +
    `both claim ${what}${rank} ${how}; the first one gets the requests`;
  conflicts.set(key, { a: a.route, b: b.route, why });
}

function areDisjoint(a: Term, b: Term): boolean {
  return a.conditions.some((left) => b.conditions.some((right) => excludes(left, right)));
}

/** Only what is certain, or what nobody means to overlap: one header or parameter with two values. */
function excludes(a: Rule, b: Rule): boolean {
  if (a.kind === "not") return formatRule(a.rule) === formatRule(b);
  switch (b.kind) {
    case "not":
      return formatRule(b.rule) === formatRule(a);
    case "method":
      return a.kind === "method" && a.method !== b.method;
    case "header":
    case "query":
      return a.kind === b.kind && a.name === b.name && a.value !== b.value;
    case "path":
      return a.kind === "path" && a.path !== b.path;
    case "clientIp":
      return a.kind === "clientIp" && !overlap(a.network, b.network);
    default:
      return false;
  }
}

/** Two networks overlap when one holds the other's first address. */
function overlap(a: string, b: string): boolean {
  return NetworkSet.of([a]).has(firstOf(b)) || NetworkSet.of([b]).has(firstOf(a));
}

function firstOf(cidr: string): string {
  const network = parseNetwork(cidr);
  if (network === undefined) return "";
  if (network.kind === "v6") return network.first.replace(/(.{4})(?=.)/g, "$1:");
  const { first } = network;
  return [24, 16, 8, 0].map((shift) => (first >>> shift) & 255).join(".");
}
