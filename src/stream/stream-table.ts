// The stream routes of one listener, compiled for lookup. Order: routes with a priority, the highest first;
// then exact names, the longest wildcard, patterns, and what asks for no name; of two alike the one with more
// conditions. A name is found in a Map, so a thousand routes cost as much as one.

import { createHash } from "node:crypto";

import type {
  Listener,
  Snapshot,
  StreamRoute,
  StreamTimeouts,
  StreamTls,
} from "../config/snapshot.ts";
import type { Choice } from "../tls/certificate-index.ts";
import {
  asksForHello,
  branchesOf,
  conditionOf,
  countConditions,
  hasPattern,
  namesOf,
  protocolsOf,
  type StreamCondition,
  type StreamSubject,
} from "./stream-rule.ts";

/** Where a connection goes, and how. */
export interface StreamPlan {
  /** Of the route; "" = the listener's own service. */
  readonly route: string;
  readonly service: string;
  readonly timeouts: StreamTimeouts;
  /** TLS ends here; undefined = what the client sends is passed on as it is. */
  readonly tls: Termination | undefined;
}

export interface Termination {
  /** Shown to all of them; undefined = what is for the name that is asked for. */
  readonly own: Choice | undefined;
  /** Protocols that the route is for; empty = it does not say. */
  readonly protocols: readonly string[];
}

/** One branch of a route's rule under one name, or under none. */
interface Entry {
  readonly plan: StreamPlan;
  readonly condition: StreamCondition;
  readonly priority: number | undefined;
  /** 0 = exact name, 1 = wildcard, 2 = pattern, 3 = none. */
  readonly tier: 0 | 1 | 2 | 3;
  readonly name: string;
  readonly conditions: number;
  /** Place in the order of all. */
  rank: number;
}

export class StreamTable {
  /** Whether the client must say something before it is known where it goes. */
  readonly needsHello: boolean;
  readonly #byName = new Map<string, Entry[]>();
  /** By what stands behind the star: `.example.com`. */
  readonly #byEnding = new Map<string, Entry[]>();
  readonly #others: Entry[] = [];
  readonly #default: StreamPlan | undefined;

  constructor(listener: Listener, snapshot: Snapshot) {
    const routes = snapshot.streamRoutes.filter(
      ({ listeners }) => listeners === undefined || listeners.includes(listener.name),
    );
    const entries = routes.flatMap(entriesOf).sort(compare);
    for (const [rank, entry] of entries.entries()) {
      entry.rank = rank;
      this.#file(entry);
    }
    this.needsHello = routes.some(({ rule, tls }) => tls !== undefined || asksForHello(rule));
    const { service, streamTimeouts: timeouts } = listener;
    this.#default =
      service === undefined ? undefined : { route: "", service, timeouts, tls: undefined };
  }

  /** undefined = nobody wants this connection. */
  find(subject: StreamSubject): StreamPlan | undefined {
    const name = subject.hello?.serverName ?? "";
    let found = firstOf(this.#others, subject, undefined);
    if (name !== "") {
      found = firstOf(this.#byName.get(name), subject, found);
      if (this.#byEnding.size > 0) {
        for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
          found = firstOf(this.#byEnding.get(name.slice(dot)), subject, found);
        }
      }
    }
    return found?.plan ?? this.#default;
  }

  #file(entry: Entry): void {
    if (entry.tier === 0) fileUnder(this.#byName, entry.name, entry);
    else if (entry.tier === 1) fileUnder(this.#byEnding, entry.name.slice(1), entry);
    else this.#others.push(entry);
  }
}

function entriesOf(route: StreamRoute): Entry[] {
  const { name, service, timeouts, tls } = route;
  const termination =
    tls === undefined ? undefined : { own: ownOf(tls), protocols: protocolsOf(route.rule) };
  const plan: StreamPlan = { route: name, service, timeouts, tls: termination };
  return branchesOf(route.rule).flatMap((rule): Entry[] => {
    const asked = conditionOf(rule);
    const condition: StreamCondition =
      tls === undefined ? asked : (subject) => subject.hello !== undefined && asked(subject);
    const more = {
      plan,
      condition,
      priority: route.priority,
      conditions: countConditions(rule),
      rank: 0,
    };
    const names = namesOf(rule);
    if (names === undefined) return [{ ...more, name: "", tier: hasPattern(rule) ? 2 : 3 }];
    return names.map((each) => ({ ...more, name: each, tier: each.startsWith("*.") ? 1 : 0 }));
  });
}

function ownOf({ own }: StreamTls): Choice | undefined {
  if (own === undefined) return undefined;
  const { certificate: chain, key } = own;
  const hash = createHash("sha256").update(`${chain}\0${key}`).digest("base64url");
  return { key: `own ${hash}`, certificates: [{ chain, key, kind: "rsa", staple: undefined }] };
}

function fileUnder(map: Map<string, Entry[]>, key: string, entry: Entry): void {
  const filed = map.get(key);
  if (filed === undefined) map.set(key, [entry]);
  else filed.push(entry);
}

/** The first that fits, unless `best` goes before it. */
function firstOf(
  entries: readonly Entry[] | undefined,
  subject: StreamSubject,
  best: Entry | undefined,
): Entry | undefined {
  for (const entry of entries ?? []) {
    if (best !== undefined && best.rank < entry.rank) return best;
    if (entry.condition(subject)) return entry;
  }
  return best;
}

/** Sorting is stable: among equals the one configured first stays first. */
function compare(a: Entry, b: Entry): number {
  return (
    comparePriorities(a.priority, b.priority) ||
    a.tier - b.tier ||
    (a.tier === 1 ? b.name.length - a.name.length : 0) ||
    b.conditions - a.conditions
  );
}

function comparePriorities(a: number | undefined, b: number | undefined): number {
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : b - a;
}
