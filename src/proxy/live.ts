// A snapshot compiled for use: the table of plans and everything they lean on. Replaced as a whole when the
// configuration changes; what did not change (pools, open log files) is taken over from the one before.

import { isDeepStrictEqual } from "node:util";
import { httpProofPath } from "../config/certificate.ts";
import { HostOptions } from "../config/host-options.ts";
import type { AccessLog, MiddlewareUse, Route, Snapshot } from "../config/snapshot.ts";
import type { Exchange, ExchangeOrigin } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import type { Wheel } from "../lib/wheel.ts";
import { noPeers, type Peers } from "../peers/peers.ts";
import { Table } from "../routing/table.ts";
import type { RouteCache } from "../cache/route-cache.ts";
import { askService, type CarryTo, toNobody } from "./ask-service.ts";
import { createAccessLog, type AccessLogSink } from "./access-log.ts";
import { Caches } from "./caches.ts";
import { Chain, type Link, type OnProblem } from "./chain.ts";
import { createErrorLog, type ErrorLog } from "./error-log.ts";
import type { Destinations, Prepared } from "./destinations.ts";
import { hipachePages, loadErrorPages, type ErrorPages } from "./error-page.ts";
import { forwardedLinesOf } from "./forwarded.ts";
import { KeptMiddlewares } from "./kept-middlewares.ts";
import { MeterBook } from "../metrics/meter.ts";
import { RouteMeter } from "./meter.ts";
import { Tracer } from "../telemetry/tracer.ts";
import { planOf, type Plan } from "./plan.ts";

export interface LiveOptions {
  readonly destinations: Destinations;
  readonly wheel: Wheel;
  /** Left out = this process serves alone. */
  readonly peers?: Peers;
  /** Left out = nobody asks what is counted. */
  readonly meters?: MeterBook;
  /** Left out = no service can be asked for a page. */
  readonly carryTo?: CarryTo;
  readonly onProblem: OnProblem;
}

export class Live {
  readonly snapshot: Snapshot;
  readonly table: Table<Plan>;
  /** For exchanges without a route, and routes without a log of their own. */
  readonly accessLog: AccessLogSink | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly debugPeers: NetworkSet;
  /** undefined = nothing is recorded of exchanges. */
  readonly tracer: Tracer | undefined;
  /** What is counted, of all snapshots. */
  readonly meters: MeterBook;
  readonly #hasChallenges: boolean;
  readonly #options: LiveOptions;
  readonly #prepared: Prepared;
  readonly #logs = new Map<string, AccessLogSink>();
  readonly #errorLogs = new Map<string, ErrorLog>();
  readonly #pages = new Map<string, ErrorPages>();
  readonly #trusted: ReadonlyMap<string, NetworkSet>;
  readonly #clientHeaders: ReadonlyMap<string, string>;
  readonly #hosts: HostOptions;
  readonly #middlewares: KeptMiddlewares;
  readonly #sharedPlans = new Map<string, Plan>();
  /** The same ones for all snapshots. */
  readonly caches: Caches;
  readonly #usedCaches = new Set<RouteCache>();
  readonly #fronts: ReadonlyMap<string, readonly Link[]>;

  constructor(snapshot: Snapshot, before: Live | undefined, options: LiveOptions) {
    this.snapshot = snapshot;
    this.#hasChallenges = Object.keys(snapshot.credentials.challenges.http).length > 0;
    this.#options = options;
    this.meters = options.meters ?? before?.meters ?? new MeterBook();
    this.#prepared = options.destinations.prepare(snapshot);
    this.debugPeers = NetworkSet.of(snapshot.debug.allow);
    this.tracer = this.#tracerOf(snapshot, before?.tracer);
    this.#trusted = new Map(
      snapshot.listeners.map((each) => [each.name, NetworkSet.of(each.trustedProxies)]),
    );
    this.#clientHeaders = new Map(
      snapshot.listeners.flatMap(({ name, clientHeader }) =>
        clientHeader === undefined ? [] : [[name, clientHeader] as const],
      ),
    );
    this.#hosts = new HostOptions(snapshot.tls.hosts, snapshot.tls.options);
    this.caches = before === undefined ? newCaches(options) : before.caches;
    this.#middlewares = new KeptMiddlewares(
      before === undefined ? undefined : before.#middlewares,
      {
        wheel: options.wheel,
        peers: options.peers ?? noPeers,
        page: async (exchange, asked) =>
          isPlanned(exchange)
            ? askService(exchange, asked, options.carryTo ?? toNobody)
            : undefined,
        facts: { secret: snapshot.secret, documents: snapshot.documents },
        onProblem: options.onProblem,
      },
    );
    try {
      this.#fronts = this.#frontsOf(snapshot);
      this.accessLog = this.#logOf(snapshot.accessLog, before);
      this.errorPages = this.#pagesOf(snapshot.errorPages, before);
      this.table = Table.compile(
        snapshot.routes,
        (route, plan) => this.#planOf(route, plan, before),
        before?.table,
      );
    } catch (error) {
      // The one before serves on, and this one must leave nothing open.
      this.#disposeUnused(before);
      options.destinations.undo(this.#prepared);
      throw error;
    }
    options.destinations.commit(this.#prepared);
    this.#middlewares.commit();
    this.caches.keepOnly(this.#usedCaches, snapshot);
    if (before !== undefined) before.#disposeUnused(this);
  }

  /** `plan` is what the same route had before; it stays when all it leans on does. */
  #planOf(route: Route, plan: Plan | undefined, before: Live | undefined): Plan {
    const destination =
      route.service === undefined ? undefined : this.#prepared.find(route.service);
    const errorPages =
      route.errorPages === undefined ? this.errorPages : this.#pagesOf(route.errorPages, before);
    const accessLog =
      route.accessLog === undefined ? this.accessLog : this.#logOf(route.accessLog, before);
    const errorLog =
      route.errorLog === undefined ? undefined : this.#errorLogOf(route.errorLog, before);
    // Asked for also where the plan stays: they are kept by that.
    const links = this.#linksOf(route);
    const cache = this.#cacheOf(route);
    const collapse = this.#usesOf(route).findLast((each) => each.kind === "collapse") ?? null;
    const isSame =
      isSameChain(plan?.chain, links) &&
      isSameFronts(plan?.chains, this.#fronts, links) &&
      plan?.cache === cache &&
      isDeepStrictEqual(plan?.collapse, collapse) &&
      plan?.destination === destination &&
      plan?.errorPages === errorPages &&
      plan?.accessLog === accessLog &&
      plan?.errorLog === errorLog;
    if (plan !== undefined && isSame) return this.#shared(plan);
    const { onProblem } = this.#options;
    const chainOf = (all: readonly Link[]) => new Chain(route.name, all, onProblem);
    const chain = links.length === 0 ? null : chainOf(links);
    const fronts = [...this.#fronts].map(([name, front]): [string, Chain] => {
      return [name, chainOf([...front, ...links])];
    });
    const chains = fronts.length === 0 ? null : new Map(fronts);
    const logs = { accessLog, errorLog };
    const meter = plan?.meter ?? new RouteMeter(route.name, this.meters);
    const parts = { chain, chains, cache, collapse, destination, errorPages, meter, ...logs };
    return this.#shared(planOf(route, parts));
  }

  /** Other workers may ask for what it shares among its clients. */
  #shared(plan: Plan): Plan {
    if (plan.cache !== null || plan.collapse !== null) this.#sharedPlans.set(plan.name, plan);
    return plan;
  }

  /** That of a route whose answers are given to several clients. */
  sharedPlan(route: string): Plan | undefined {
    return this.#sharedPlans.get(route);
  }

  #usesOf({ middlewares, service }: Route): readonly MiddlewareUse[] {
    const ofService =
      service === undefined ? [] : (this.snapshot.services.get(service)?.middlewares ?? []);
    return [...ofService, ...middlewares];
  }

  /** The route's own, or that of its service; each route has what is kept of it to itself. */
  #cacheOf(route: Route): RouteCache | null {
    const use = this.#usesOf(route).findLast((each) => each.kind === "cache");
    if (use === undefined) return null;
    const cache = this.caches.of(route.name, use);
    this.#usedCaches.add(cache);
    return cache;
  }

  /** Its own, then those of its service, which all routes to it share. */
  #linksOf({ name, middlewares, service }: Route): readonly Link[] {
    const own = this.#middlewares.links(`route ${name}`, middlewares);
    const uses =
      service === undefined ? undefined : this.snapshot.services.get(service)?.middlewares;
    if (service === undefined || uses === undefined) return own;
    return [...own, ...this.#middlewares.shared(`service ${service}`, uses)];
  }

  /** What comes before the middlewares of any route, by listener. */
  #frontsOf({ listeners }: Snapshot): ReadonlyMap<string, readonly Link[]> {
    const fronts = listeners.map(({ name, middlewares = [] }): [string, readonly Link[]] => {
      return [name, this.#middlewares.shared(`listener ${name}`, middlewares)];
    });
    return new Map(fronts.filter(([, links]) => links.length > 0));
  }

  #tracerOf({ tracing }: Snapshot, before: Tracer | undefined): Tracer | undefined {
    if (tracing === undefined) return undefined;
    if (before !== undefined && isDeepStrictEqual(before.settings, tracing)) return before;
    return new Tracer(tracing, this.#options.onProblem);
  }

  #logOf(settings: AccessLog, before: Live | undefined): AccessLogSink | undefined {
    if (!settings.enabled) return undefined;
    const key = `${settings.path}\n${settings.format}`;
    const log =
      this.#logs.get(key) ??
      (before === undefined ? undefined : before.#logs.get(key)) ??
      createAccessLog(settings, this.#options.onProblem);
    this.#logs.set(key, log);
    return log;
  }

  #errorLogOf(path: string, before: Live | undefined): ErrorLog {
    const log =
      this.#errorLogs.get(path) ??
      (before === undefined ? undefined : before.#errorLogs.get(path)) ??
      createErrorLog(path, this.#options.onProblem);
    this.#errorLogs.set(path, log);
    return log;
  }

  /** Read anew with every snapshot: the files may have changed, and then what uses them does. */
  #pagesOf(folder: string | undefined, before: Live | undefined): ErrorPages | undefined {
    const { hipache } = this.snapshot.compat;
    if (folder === undefined) return hipache ? hipachePages : undefined;
    const known = this.#pages.get(folder);
    if (known !== undefined) return known;
    const { pages: read, problems } = loadErrorPages(folder);
    for (const each of problems) this.#options.onProblem(each);
    const loaded = hipache ? { ...read, areHipaches: true } : read;
    const old = before === undefined ? undefined : before.#pages.get(folder);
    const pages = isDeepStrictEqual(loaded, old) && old !== undefined ? old : loaded;
    this.#pages.set(folder, pages);
    return pages;
  }

  /**
   * Closes logs that the other one does not have. Running exchanges keep their plan; lines for a log that
   * was closed go to the new one.
   */
  #disposeUnused(other: Live | undefined): void {
    for (const [key, log] of this.#logs) {
      if (other === undefined || other.#logs.get(key) !== log) void log.close();
    }
    for (const [path, log] of this.#errorLogs) {
      if (other === undefined || other.#errorLogs.get(path) !== log) void log.close();
    }
    if (other?.tracer !== this.tracer) void this.tracer?.close();
    this.#middlewares.closeUnused(other === undefined ? undefined : other.#middlewares);
  }

  /** Brings what is known of a connection up to this snapshot. */
  refresh(origin: ExchangeOrigin): void {
    origin.version = this.snapshot.version;
    origin.isPeerTrusted = this.trustedOf(origin.listener).has(origin.peerIp);
    origin.forwardedLines = forwardedLinesOf(origin);
  }

  /** Somebody may just be looking whether names lead here. */
  get hasChallenges(): boolean {
    return this.#hasChallenges;
  }

  /** undefined = it is a request like any other: a backend may look after its own certificate. */
  challengeAnswer(path: string): string | undefined {
    if (!path.startsWith(httpProofPath)) return undefined;
    const { http } = this.snapshot.credentials.challenges;
    const token = path.slice(httpProofPath.length);
    return Object.hasOwn(http, token) ? http[token] : undefined;
  }

  /** Clients have to show a certificate for this host, which they cannot in the clear. */
  isForCertified(host: string): boolean {
    return this.#hosts.of(host).clientAuth?.mode === "require";
  }

  get hasClientHeaders(): boolean {
    return this.#clientHeaders.size > 0;
  }

  /** Lower-case name of the field in which trusted proxies name the client; undefined = X-Forwarded-For. */
  clientHeaderOf(listener: string): string | undefined {
    return this.#clientHeaders.get(listener);
  }

  trustedOf(listener: string): NetworkSet {
    return this.#trusted.get(listener) ?? nobody;
  }

  reopenLogs(): void {
    for (const log of this.#logs.values()) log.reopen();
    for (const log of this.#errorLogs.values()) log.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.destinations[Symbol.dispose]();
    this.#middlewares.closeUnused(undefined);
    const logs = [...this.#logs.values(), ...this.#errorLogs.values(), this.caches];
    await Promise.all([...logs.map((log) => log.close()), this.tracer?.close()]);
  }
}

function newCaches({ peers = noPeers, onProblem }: LiveOptions): Caches {
  return new Caches(peers, onProblem);
}

const nobody = NetworkSet.of([]);

function isSameChain(chain: Chain | null | undefined, links: readonly Link[]): boolean {
  const before = chain?.links ?? [];
  return (
    before.length === links.length &&
    links.every(({ middleware }, at) => middleware === before[at]?.middleware)
  );
}

function isSameFronts(
  chains: ReadonlyMap<string, Chain> | null | undefined,
  fronts: ReadonlyMap<string, readonly Link[]>,
  links: readonly Link[],
): boolean {
  const isSame = ([name, front]: [string, readonly Link[]]) =>
    isSameChain(chains?.get(name) ?? null, [...front, ...links]);
  return (chains?.size ?? 0) === fronts.size && [...fronts].every(isSame);
}

/** It came to its middlewares by a plan. */
function isPlanned(exchange: Exchange): exchange is Exchange<Plan> {
  return exchange.plan !== undefined;
}
