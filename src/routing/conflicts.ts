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

export interface Claim {
  readonly route: Route;
  readonly term: Term;
  /** The conditions' canonical texts, sorted. */
  readonly conditions: readonly string[];
  /** The same for those it is compared with. */
  readonly key: string;
}

/** Sets of conditions compared pairwise in one group; more are compared with the equal ones only. */
const maxCompared = 100;

export function findConflicts(routes: readonly Route[]): readonly Conflict[] {
  // Nearly every group has one member, for which there is nothing to compare.
  const alone = new Map<string, Claim>();
  const groups = new Map<string, Claim[]>();
  for (const route of routes) {
    for (const claim of claimsOf(route)) {
      const first = alone.get(claim.key);
      const group = groups.get(claim.key);
      if (group !== undefined) group.push(claim);
      else if (first === undefined) alone.set(claim.key, claim);
      else groups.set(claim.key, [first, claim]);
    }
  }
  return conflictsIn(groups.values());
}

/** Each pair once. @param groups of claims with one key, in the order of the configuration */
export function conflictsIn(groups: Iterable<readonly Claim[]>): readonly Conflict[] {
  const conflicts = new Map<string, Conflict>();
  for (const group of groups) compareGroup(group, conflicts);
  return [...conflicts.values()];
}

/** A route that did not change is the same object in the next snapshot, of which there may be many. */
const known = new WeakMap<Route, readonly Claim[]>();

export function claimsOf(route: Route): readonly Claim[] {
  let claims = known.get(route);
  if (claims === undefined) {
    claims = termsOf(route.rule).map((term) => {
      const conditions = term.conditions.map(formatRule).toSorted();
      const rank = [route.priority ?? null, keyOf(term.host), keyOf(term.path), conditions.length];
      return { route, term, conditions, key: JSON.stringify(rank) };
    });
    known.set(route, claims);
  }
  return claims;
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
  conflicts.set(key, new FoundConflict(a, b.route, how));
}

/** Its sentence is made when somebody reads it: there may be thousands, found with every change. */
class FoundConflict implements Conflict {
  readonly a: Route;
  readonly b: Route;
  readonly #term: Term;
  readonly #how: string;

  constructor({ route, term }: Claim, b: Route, how: string) {
    this.a = route;
    this.b = b;
    this.#term = term;
    this.#how = how;
  }

  get why(): string {
    const { a, b } = this;
    const { host, path } = this.#term;
    const keys = [host, path].filter((each) => each !== undefined).map(formatRule);
    const what = keys.length === 0 ? "every host and path" : keys.join(" && ");
    const rank = a.priority === undefined ? "" : ` and priority ${a.priority}`;
    return (
      `"${a.name}" (${a.origin.place}) and "${b.name}" (${b.origin.place}) ` +
      `both claim ${what}${rank} ${this.#how}; the first one gets the requests`
    );
  }
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
