// Whose host names are whose. What is discovered was written by tenants who do not trust each other: a name
// belongs to the file, if it claims it; else to the more trusted provider; else to whoever holds it; else to
// the older tenant. A route that claims anything of somebody else's is refused whole.

import type { Claim, Discovery } from "../config/discovery.ts";
import { storeSource } from "../config/item.ts";
import type { Origin, Route, StreamRoute } from "../config/snapshot.ts";
import { isExact, namesOfRoute, namesOfStream } from "./claimed-names.ts";

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

interface Bid {
  readonly tenant: string;
  /** Of its provider; the lower is trusted more. */
  readonly rank: number;
  readonly since: number;
}

interface Claimed<Item> {
  readonly claim: Claim<Item>;
  readonly names: readonly string[];
  /** With what operators change of it. */
  readonly wanted: Item;
  /** Names that operators gave it in the place of its own, whoever has those. */
  readonly given: readonly string[] | undefined;
  readonly rank: number;
  readonly discovery: Discovery;
}

export interface Wishes {
  /** What operators route: in the file, and elsewhere. */
  readonly trusted: Pick<Settled, "routes" | "streamRoutes">;
  /** A route as operators want it, who may change any. */
  wanted(route: Route): Route;
}

/**
 * @param discoveries the most trusted first
 * @param before who holds what so far
 * @returns routes with what operators change of them
 */
export function settleClaims(
  { trusted, wanted }: Wishes,
  discoveries: readonly Discovery[],
  before: Holders,
): Settled {
  const routes = claimedOf(discoveries, {
    claimsOf: (each) => each.routes,
    namesOf: namesOfRoute,
    wanted,
  });
  const streams = claimedOf(discoveries, {
    claimsOf: (each) => each.streamRoutes,
    namesOf: namesOfStream,
    wanted: (each) => each,
  });
  if (routes.length + streams.length === 0) return nothing;
  const taken = takenBy(trusted, wanted);
  const refusals: Refusal[] = [];
  const isAllowed = (each: Claimed<Route | StreamRoute>) => isWithinHosts(each, refusals);
  const [allowedRoutes, allowedStreams] = [routes.filter(isAllowed), streams.filter(isAllowed)];
  const holders = holdersOf([...allowedRoutes, ...allowedStreams], taken, before);
  const isGranted = (each: Claimed<Route | StreamRoute>) =>
    each.given !== undefined || isHeld(each, { holders, taken }, refusals);
  return {
    routes: allowedRoutes.filter(isGranted).map((each) => withoutRank(each, refusals)),
    streamRoutes: allowedStreams.filter(isGranted).map((each) => withoutRank(each, refusals)),
    holders,
    refusals,
  };
}

const nothing: Settled = { routes: [], streamRoutes: [], holders: new Map(), refusals: [] };

interface Reading<Item> {
  claimsOf(discovery: Discovery): readonly Claim<Item>[];
  namesOf(item: Item): readonly string[];
  wanted(item: Item): Item;
}

function claimedOf<Item extends Route | StreamRoute>(
  discoveries: readonly Discovery[],
  { claimsOf, namesOf, wanted: wantedOf }: Reading<Item>,
): Claimed<Item>[] {
  return discoveries.flatMap((discovery, rank) =>
    claimsOf(discovery).map((claim) => {
      const { item } = claim;
      const wanted = wantedOf(item);
      const given = wanted.rule === item.rule ? undefined : namesOf(wanted);
      return { claim, names: namesOf(item), wanted, given, rank, discovery };
    }),
  );
}

// --- what is taken --------------------------------------------------------------------------------------

const operators = new Map([
  ["file", "the configuration file"],
  [storeSource, "a route that was set while the program runs"],
]);

/** Whoever keeps routes there, for people. */
export function ownerOf(provider: string): string {
  return operators.get(provider) ?? `the provider ${provider}`;
}

/** Names that operators claim, and who does. A route that was given others keeps its own. */
function takenBy(
  { routes, streamRoutes }: Wishes["trusted"],
  wanted: (route: Route) => Route,
): Holders {
  const taken = new Map<string, string>();
  const add = (names: readonly string[], { provider }: Origin) => {
    for (const name of names) if (!taken.has(name)) taken.set(name, ownerOf(provider));
  };
  for (const each of routes) {
    add(namesOfRoute(each), each.origin);
    add(namesOfRoute(wanted(each)), each.origin);
  }
  for (const each of streamRoutes) add(namesOfStream(each), each.origin);
  return taken;
}

// --- who gets it ---------------------------------------------------------------------------------------

function isWithinHosts(
  { claim, discovery }: Claimed<Route | StreamRoute>,
  refusals: Refusal[],
): boolean {
  const { hosts, provider } = discovery;
  return hosts === undefined || isWithin(claim.item, hosts, provider, refusals);
}

/** Whether a route is only for hosts that its provider may claim. */
export function isWithin(
  item: Route | StreamRoute,
  hosts: readonly string[],
  provider: string,
  refusals: Refusal[],
): boolean {
  const names = "middlewares" in item ? namesOfRoute(item) : namesOfStream(item);
  const message = outsideOf(names, hosts, provider);
  if (message === undefined) return true;
  refusals.push({ origin: item.origin, message });
  return false;
}

/** Why a provider may not have all of these; undefined = it may. */
export function outsideOf(
  names: readonly string[],
  hosts: readonly string[],
  provider: string,
): string | undefined {
  const outside = names.find((name) => !hosts.some((pattern) => covers(pattern, name)));
  if (outside === undefined) return undefined;
  const may = hosts.join(", ");
  return `${shown(outside)} is not claimed: providers.${provider}.hosts allows only ${may}`;
}

function covers(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  if (!pattern.startsWith("*.")) return pattern === name;
  return isExact(name) || name.startsWith("*.") ? name.endsWith(pattern.slice(1)) : false;
}

function holdersOf(
  claimed: readonly Claimed<Route | StreamRoute>[],
  taken: Holders,
  before: Holders,
): Holders {
  const bids = new Map<string, Bid>();
  const add = (name: string, bid: Bid) => {
    if (taken.has(name)) return;
    const best = bids.get(name);
    if (best === undefined || goesBefore(bid, best, before.get(name))) bids.set(name, bid);
  };
  for (const { claim, names, given = [], rank } of claimed) {
    const { tenant } = claim;
    const since = claim.since === 0 ? Infinity : claim.since;
    for (const name of names) add(name, { tenant, rank, since });
    for (const name of given) add(name, { tenant, rank: mostTrusted, since });
  }
  return new Map([...bids].map(([name, { tenant }]) => [name, tenant]));
}

/** What an operator gives to one is nobody else's. */
const mostTrusted = -1;

function goesBefore(a: Bid, b: Bid, holder: string | undefined): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.tenant === b.tenant) return a.since < b.since;
  if (a.tenant === holder || b.tenant === holder) return a.tenant === holder;
  return a.since === b.since ? a.tenant < b.tenant : a.since < b.since;
}

function isHeld(
  { claim, names }: Claimed<Route | StreamRoute>,
  { holders, taken }: { holders: Holders; taken: Holders },
  refusals: Refusal[],
): boolean {
  const { tenant, item } = claim;
  const name = names.find((each) => holders.get(each) !== tenant);
  if (name === undefined) return true;
  const operators = taken.get(name);
  const owner = operators ?? holders.get(name) ?? "";
  const remedy =
    operators === undefined
      ? "use another name, or see owner and hosts in the documentation of discovery"
      : "lead there from the file, or use another name";
  refusals.push({
    origin: item.origin,
    message: `${shown(name)} belongs to ${owner}, so ${tenant} does not get it; ${remedy}`,
  });
  return false;
}

/** With a rank of its own a catch-all would go before what others have by name. */
function withoutRank<Item extends Route | StreamRoute>(
  { claim: { item }, names, given = names, wanted }: Claimed<Item>,
  refusals: Refusal[],
): Item {
  const isOwn = item.priority !== undefined && wanted.priority === item.priority;
  if (!isOwn || given.every(isExact)) return wanted;
  refusals.push({
    origin: item.origin,
    message: `the priority ${item.priority} is left out: only routes to whole host names may have one`,
  });
  return { ...wanted, priority: undefined };
}

function shown(name: string): string {
  if (name === "*") return "the host name *, which stands for all others,";
  return name.startsWith("~") ? `the pattern ${name.slice(1)}` : `the host name ${name}`;
}
