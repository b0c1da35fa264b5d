// How a snapshot reaches the workers: as text made once for all of them, or as the difference to the snapshot
// they have. What did not change keeps its identity in a worker, so that compiling it again costs nothing.
//
// The text is JSON, in which `undefined` is left out; nothing else in a snapshot is lost. Two things are not
// as in the snapshot. Settings that most routes and services have in common stand there once. And where an
// item was written stays with the primary: workers do not ask, and a line more at the top of a file must not
// change every route below it.

import type { ExchangeTimeouts, Origin, Route, Snapshot } from "../config/snapshot.ts";
import type { BackendService, Service } from "../config/service.ts";

export interface Publication {
  readonly version: number;
  /** The version it is the difference to; undefined = it is complete. */
  readonly base: number | undefined;
  readonly text: string;
}

/** Stands for a value by its place among the common ones, or is the value itself. */
type Reference<T> = number | T;

type SentRoute = Omit<Route, "origin" | "timeouts"> & {
  readonly origin: undefined;
  readonly timeouts: Reference<ExchangeTimeouts>;
};

/** What distinguishes a service from others; the rest is how it treats its backends. */
type OwnKey = "name" | "origin" | "kind" | "backends" | "absent" | "maintenance";

/** Everything else: the same for most services. */
type BackendSettings = Omit<BackendService, OwnKey>;

interface SentBackends {
  readonly name: string;
  readonly backends: BackendService["backends"];
  readonly absent: BackendService["absent"];
  readonly maintenance: BackendService["maintenance"];
  readonly settings: Reference<BackendSettings>;
}

type SentCompound = Exclude<Service, BackendService>;

type SentService = SentBackends | SentCompound;

interface Common {
  readonly timeouts: readonly ExchangeTimeouts[];
  readonly settings: readonly BackendSettings[];
}

/** First and number of routes that are as in the base. */
type Run = readonly [from: number, count: number];

interface Sent {
  readonly common: Common;
  readonly rest: Omit<Snapshot, "routes" | "services">;
  readonly routes: readonly (SentRoute | Run)[];
  /** New and changed ones. */
  readonly services: readonly SentService[];
  /** Names of services the base has and this one has not. */
  readonly removed: readonly string[];
}

/** A snapshot as texts, to be compared and put together. */
interface Texts {
  readonly version: number;
  readonly common: string;
  readonly rest: string;
  readonly routes: readonly string[];
  readonly services: readonly ServiceText[];
}

/** The same object as long as the service is. */
interface ServiceText {
  readonly name: string;
  readonly text: string;
}

/** With more distinct values than this there is little in common; the rest is written out in place. */
const maxCommon = 256;

class CommonValues<T extends object> {
  readonly values: T[] = [];
  readonly #places = new Map<string, number>();

  refer(value: T): Reference<T> {
    const text = JSON.stringify(value);
    const place = this.#places.get(text);
    if (place !== undefined) return place;
    if (this.values.length >= maxCommon) return value;
    this.#places.set(text, this.values.length);
    return this.values.push(value) - 1;
  }
}

/** What did not change is the same object in the next snapshot; making its text is most of the work. */
class MadeOnce<Value extends object, Made extends object | string> {
  readonly #make: (value: Value) => Made;
  readonly #all = new WeakMap<Value, Made>();
  /** Of the latest snapshot: most stand where they stood, and need not be looked up. */
  #values: readonly Value[] = [];
  #made: readonly Made[] = [];

  constructor(make: (value: Value) => Made) {
    this.#make = make;
  }

  of(values: readonly Value[]): readonly Made[] {
    const [before, made] = [this.#values, this.#made];
    this.#values = values;
    this.#made = values.map((value, at) => {
      const there = before[at] === value ? made[at] : undefined;
      return there ?? this.#one(value);
    });
    return this.#made;
  }

  #one(value: Value): Made {
    const known = this.#all.get(value);
    if (known !== undefined) return known;
    const made = this.#make(value);
    this.#all.set(value, made);
    return made;
  }
}

/** The primary's side: knows the latest snapshot and the one before. */
export class Publisher {
  // They outlive a snapshot, so that the same route has the same text in the next one.
  readonly #timeouts = new CommonValues<ExchangeTimeouts>();
  readonly #settings = new CommonValues<BackendSettings>();
  readonly #routeTexts = new MadeOnce((route: Route) => JSON.stringify(this.#sentRoute(route)));
  readonly #serviceTexts = new MadeOnce((service: Service): ServiceText => ({
    name: service.name,
    text: JSON.stringify(this.#sentService(service)),
  }));
  #latest: Texts | undefined;
  #before: Texts | undefined;
  #complete: Publication | undefined;
  #difference: Publication | undefined;

  take(snapshot: Snapshot): void {
    this.#before = this.#latest;
    this.#latest = this.#textsOf(snapshot);
    this.#complete = undefined;
    this.#difference = undefined;
  }

  /**
   * The latest snapshot for a worker that was last sent this version (undefined = none yet), and has it as
   * the base of what comes next, whether it went live or not.
   */
  publicationFor(version: number | undefined): Publication {
    const latest = this.#latest;
    if (latest === undefined) throw new Error("no snapshot was taken yet");
    const before = this.#before;
    if (before !== undefined && before.version === version) {
      this.#difference ??= this.#smallerOf(latest, before);
      return this.#difference;
    }
    this.#complete ??= completeOf(latest);
    return this.#complete;
  }

  /** The difference, unless that is hardly less to send and more to do. */
  #smallerOf(latest: Texts, before: Texts): Publication {
    const difference = differenceOf(latest, before);
    if (difference.text.length * 2 < lengthOf(latest)) return difference;
    this.#complete ??= completeOf(latest);
    return this.#complete;
  }

  #textsOf(snapshot: Snapshot): Texts {
    // Who is told of alerts, whom we ask for containers with what key, and with what key operators are
    // answered, is no worker's business.
    const own = {
      ...{ alerts: undefined, admin: undefined, fleet: undefined },
      ...{ providers: [], written: undefined },
    };
    const { routes, services, ...rest } = { ...snapshot, ...own };
    const sentRoutes = this.#routeTexts.of(routes);
    const sentServices = this.#serviceTexts.of([...services.values()]);
    const common: Common = {
      timeouts: this.#timeouts.values,
      settings: this.#settings.values,
    };
    return {
      version: snapshot.version,
      common: JSON.stringify(common),
      rest: JSON.stringify(rest),
      routes: sentRoutes,
      services: sentServices,
    };
  }

  #sentRoute(route: Route): SentRoute {
    return { ...route, origin: undefined, timeouts: this.#timeouts.refer(route.timeouts) };
  }

  #sentService(service: Service): SentService {
    if (service.kind !== "backends") return { ...service, origin: elsewhere };
    const { name, origin: _origin, kind: _kind, backends, absent, maintenance, ...rest } = service;
    return { name, backends, absent, maintenance, settings: this.#settings.refer(rest) };
  }
}

function completeOf({ version, common, rest, routes, services }: Texts): Publication {
  const all = services.map((each) => each.text);
  return { version, base: undefined, text: textOf(common, rest, routes, all, []) };
}

function differenceOf(latest: Texts, before: Texts): Publication {
  const { changed, removed } = servicesSince(latest.services, before.services);
  const routes = routesSince(latest.routes, before.routes);
  const text = textOf(latest.common, latest.rest, routes, changed, removed);
  return { version: latest.version, base: before.version, text };
}

function servicesSince(
  latest: readonly ServiceText[],
  before: readonly ServiceText[],
): { readonly changed: readonly string[]; readonly removed: readonly string[] } {
  const head = sameHead(latest, before);
  const tail = sameTail(latest, before, head);
  const now = latest.slice(head, latest.length - tail);
  const then = before.slice(head, before.length - tail);
  const old = new Map(then.map(({ name, text }) => [name, text]));
  const names = new Set(now.map(({ name }) => name));
  return {
    changed: now.filter(({ name, text }) => old.get(name) !== text).map(({ text }) => text),
    removed: then.filter(({ name }) => !names.has(name)).map(({ name }) => name),
  };
}

/** Each route as a text of its own, or a run of routes that stood together before. */
function routesSince(latest: readonly string[], before: readonly string[]): readonly string[] {
  // Mostly one changed: what stands before and after it need not be looked up.
  const head = sameHead(latest, before);
  const tail = sameTail(latest, before, head);
  const places = new Map<string, number>();
  for (let place = head; place < before.length - tail; place++) {
    places.set(before[place] ?? "", place);
  }
  const parts: string[] = head === 0 ? [] : [`[0,${head}]`];
  for (let index = head; index < latest.length - tail;) {
    const text = latest[index] ?? "";
    const from = places.get(text);
    if (from === undefined) {
      parts.push(text);
      index++;
      continue;
    }
    let count = 1;
    const end = latest.length - tail;
    while (index + count < end && latest[index + count] === before[from + count]) count++;
    parts.push(`[${from},${count}]`);
    index += count;
  }
  if (tail > 0) parts.push(`[${before.length - tail},${tail}]`);
  return parts;
}

function sameHead<T>(latest: readonly T[], before: readonly T[]): number {
  let head = 0;
  while (head < latest.length && latest[head] === before[head]) head++;
  return head;
}

/** How many at the end are the same, without those at the beginning. */
function sameTail<T>(latest: readonly T[], before: readonly T[], head: number): number {
  const most = Math.min(latest.length, before.length) - head;
  let tail = 0;
  while (tail < most && latest.at(-1 - tail) === before.at(-1 - tail)) tail++;
  return tail;
}

function textOf(
  common: string,
  rest: string,
  routes: readonly string[],
  services: readonly string[],
  removed: readonly string[],
): string {
  const lists = `"routes":[${routes.join()}],"services":[${services.join()}]`;
  return `{"common":${common},"rest":${rest},${lists},"removed":${JSON.stringify(removed)}}`;
}

/** About the length of the complete text. */
function lengthOf({ common, rest, routes, services }: Texts): number {
  let length = common.length + rest.length;
  for (const text of routes) length += text.length + 1;
  for (const { text } of services) length += text.length + 1;
  return length;
}

const elsewhere: Origin = { provider: "primary", place: "" };

/**
 * The worker's side: the published snapshot. What did not change is the base's own object.
 * Throws when the publication is the difference to another snapshot than `base`.
 */
export function assemble(base: Snapshot | undefined, publication: Publication): Snapshot {
  if (publication.base !== undefined && publication.base !== base?.version) {
    const has = base === undefined ? "none" : `version ${base.version}`;
    throw new Error(`a change to snapshot ${publication.base} came, but this process has ${has}`);
  }
  const old = publication.base === undefined ? undefined : base;
  const sent: Sent = JSON.parse(publication.text);
  const routes = routesFrom(sent, old?.routes ?? []);
  return { ...sent.rest, routes, services: servicesFrom(sent, old) };
}

function routesFrom({ routes, common }: Sent, old: readonly Route[]): readonly Route[] {
  return routes.flatMap((each) => {
    return isRun(each) ? old.slice(each[0], each[0] + each[1]) : [routeFrom(each, common)];
  });
}

function isRun(each: SentRoute | Run): each is Run {
  return Array.isArray(each);
}

function routeFrom(sent: SentRoute, common: Common): Route {
  return { ...sent, origin: elsewhere, timeouts: dereference(sent.timeouts, common.timeouts) };
}

function servicesFrom({ services, removed, common }: Sent, old: Snapshot | undefined) {
  const own = services.map((each): [string, Service] => [each.name, serviceFrom(each, common)]);
  if (old === undefined) return new Map(own);
  if (own.length + removed.length === 0) return old.services;
  const all = new Map(old.services);
  for (const [name, each] of own) all.set(name, each);
  for (const name of removed) all.delete(name);
  return all;
}

function serviceFrom(sent: SentService, common: Common): Service {
  if ("kind" in sent) return sent;
  const { name, backends, absent, maintenance } = sent;
  const settings = dereference(sent.settings, common.settings);
  return { kind: "backends", name, origin: elsewhere, backends, absent, maintenance, ...settings };
}

function dereference<T extends object>(reference: Reference<T>, values: readonly T[]): T {
  if (typeof reference !== "number") return reference;
  const value = values[reference];
  if (value === undefined) throw new Error("a snapshot refers to a setting it does not hold");
  return value;
}
