// Whose host names are whose. What is discovered was written by tenants who do not trust each other: a name
// belongs to the file, if it claims it; else to the more trusted provider; else to whoever holds it; else to
// the older tenant. A route that claims anything of somebody else's is refused whole.

import type { Claim, Discovery } from "../config/discovery.ts";
import type { Rule } from "../config/rule.ts";
import type { Origin, Route, StreamRoute } from "../config/snapshot.ts";
import { type Term, termsOf } from "./term.ts";

/** Who holds what: the text of a claim to the tenant. */
export type Holders = ReadonlyMap<string, string>;

/** Something that was said and not taken over. */
export interface Refusal {
  /** Where the refused item was written. */
  readonly origin: Origin;
  readonly message: string;
}

export interface Settled {
  readonly routes: readonly Route[];
  readonly streamRoutes: readonly StreamRoute[];
  readonly holders: Holders;
  readonly refusals: readonly Refusal[];
}

/** What only the file's routes may claim beside their hosts is told of as the file's. */
const fileTenant = "the configuration file";

interface Bid {
  readonly tenant: string;
  /** Of its provider; the lower is trusted more. */
  readonly rank: number;
  readonly since: number;
}

interface Claimed<Item> {
  readonly claim: Claim<Item>;
  readonly names: readonly string[];
  readonly rank: number;
  readonly discovery: Discovery;
}

/**
 * @param file what the file routes itself
 * @param discoveries the most trusted first
 * @param before who holds what so far
 */
export function settleClaims(
  file: { readonly routes: readonly Route[]; readonly streamRoutes: readonly StreamRoute[] },
  discoveries: readonly Discovery[],
  before: Holders,
): Settled {
  const routes = claimedOf(discoveries, ({ routes }) => routes, namesOfRoute);
  const streams = claimedOf(discoveries, ({ streamRoutes }) => streamRoutes, namesOfStream);
  const ofFile = new Set([
    ...file.routes.flatMap(namesOfRoute),
    ...file.streamRoutes.flatMap(namesOfStream),
  ]);
  const refusals: Refusal[] = [];
  const isAllowed = (each: Claimed<Route | StreamRoute>) => isWithinHosts(each, refusals);
  const [allowedRoutes, allowedStreams] = [routes.filter(isAllowed), streams.filter(isAllowed)];
  const holders = holdersOf([...allowedRoutes, ...allowedStreams], ofFile, before);
  const isGranted = (each: Claimed<Route | StreamRoute>) =>
    isHeld(each, { holders, ofFile }, refusals);
  return {
    routes: allowedRoutes.filter(isGranted).map((each) => withoutRank(each, refusals)),
    streamRoutes: allowedStreams.filter(isGranted).map((each) => withoutRank(each, refusals)),
    holders,
    refusals,
  };
}

function claimedOf<Item>(
  discoveries: readonly Discovery[],
  claimsOf: (discovery: Discovery) => readonly Claim<Item>[],
  namesOf: (item: Item) => readonly string[],
): Claimed<Item>[] {
  return discoveries.flatMap((discovery, rank) =>
    claimsOf(discovery).map((claim) => ({ claim, names: namesOf(claim.item), rank, discovery })),
  );
}

// --- what a rule claims --------------------------------------------------------------------------------

/** Of the same rule as before nothing is worked out again. */
const known = new WeakMap<Rule, readonly string[]>();

/**
 * Host names, `*.name`, `~pattern`, or `*` for whatever has no other host. Rather too much than too little:
 * every request that the rule can match has a host among them, and the table files it under nothing else,
 * however the rule is written: `HostRegexp(`.*`) && Host(`shop.test`)` stands among the routes of shop.test.
 */
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

function namesOfRoute({ rule }: Route): readonly string[] {
  return namesOfRule(rule);
}

/** A listener of its own is what tells streams apart that say no name. */
function namesOfStream({ rule, listeners }: StreamRoute): readonly string[] {
  const places = listeners === undefined ? ["every tcp listener"] : listeners;
  return namesOfStreamRule(rule).flatMap((name) =>
    name === "*" ? places.map((each) => `* on ${each}`) : [name],
  );
}

/** Nothing outranks a route to exactly this name except by an explicit priority. */
function isExact(name: string): boolean {
  return !name.startsWith("*") && !name.startsWith("~");
}

// --- who gets it ---------------------------------------------------------------------------------------

function isWithinHosts(
  { claim, names, discovery }: Claimed<Route | StreamRoute>,
  refusals: Refusal[],
): boolean {
  const { hosts, provider } = discovery;
  if (hosts === undefined) return true;
  const outside = names.find((name) => !hosts.some((pattern) => covers(pattern, name)));
  if (outside === undefined) return true;
  const may = hosts.join(", ");
  refusals.push({
    origin: claim.item.origin,
    message: `${shown(outside)} is not claimed: providers.${provider}.hosts allows only ${may}`,
  });
  return false;
}

function covers(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  if (!pattern.startsWith("*.")) return pattern === name;
  return isExact(name) || name.startsWith("*.") ? name.endsWith(pattern.slice(1)) : false;
}

function holdersOf(
  claimed: readonly Claimed<Route | StreamRoute>[],
  ofFile: ReadonlySet<string>,
  before: Holders,
): Holders {
  const bids = new Map<string, Bid>();
  for (const { claim, names, rank } of claimed) {
    const bid = { tenant: claim.tenant, rank, since: claim.since === 0 ? Infinity : claim.since };
    for (const name of names) {
      if (ofFile.has(name)) continue;
      const best = bids.get(name);
      if (best === undefined || goesBefore(bid, best, before.get(name))) bids.set(name, bid);
    }
  }
  return new Map([...bids].map(([name, { tenant }]) => [name, tenant]));
}

function goesBefore(a: Bid, b: Bid, holder: string | undefined): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.tenant === b.tenant) return a.since < b.since;
  if (a.tenant === holder || b.tenant === holder) return a.tenant === holder;
  return a.since === b.since ? a.tenant < b.tenant : a.since < b.since;
}

function isHeld(
  { claim, names }: Claimed<Route | StreamRoute>,
  { holders, ofFile }: { holders: Holders; ofFile: ReadonlySet<string> },
  refusals: Refusal[],
): boolean {
  const { tenant, item } = claim;
  const taken = names.find((name) => holders.get(name) !== tenant);
  if (taken === undefined) return true;
  const owner = ofFile.has(taken) ? fileTenant : (holders.get(taken) ?? "");
  const remedy = ofFile.has(taken)
    ? "lead there from the file, or use another name"
    : "use another name, or see owner and hosts in the documentation of discovery";
  refusals.push({
    origin: item.origin,
    message: `${shown(taken)} belongs to ${owner}, so ${tenant} does not get it; ${remedy}`,
  });
  return false;
}

/** With a rank of its own a catch-all would go before what others have by name. */
function withoutRank<Item extends Route | StreamRoute>(
  { claim, names }: Claimed<Item>,
  refusals: Refusal[],
): Item {
  const { item } = claim;
  if (item.priority === undefined || names.every(isExact)) return item;
  refusals.push({
    origin: item.origin,
    message: `the priority ${item.priority} is left out: only routes to whole host names may have one`,
  });
  return { ...item, priority: undefined };
}

function shown(name: string): string {
  if (name === "*") return "the host name *, which stands for all others,";
  return name.startsWith("~") ? `the pattern ${name.slice(1)}` : `the host name ${name}`;
}
