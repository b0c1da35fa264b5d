// One exchange from in to out, told in order. Every step is somewhere else; this is the map.
// Hot: bench/head.ts

import { Fills } from "../cache/fills.ts";
import { maxMirrors } from "../config/limits.ts";
import { middlewareWait } from "../config/middleware-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange, ExchangeOrigin, SecureFacts } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { GrpcCall } from "../http/grpc-call.ts";
import { normaliseHost } from "../lib/host.ts";
import { Warning } from "../lib/warning.ts";
import type { Verdict } from "../middlewares/middleware.ts";
import { noPeers, type Peers } from "../peers/peers.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import { writeAnswer } from "./answer.ts";
import { invalidate, serveCached } from "./cached.ts";
import type { CacheContext } from "./cache-context.ts";
import type { Caches } from "./caches.ts";
import { isForCollapse, serveCollapsed } from "./collapse.ts";
import { fail, refuseForMaintenance } from "./fail.ts";
import { Forward } from "./forward.ts";
import type { ForwardContext } from "./forward-context.ts";
import { FileDesk } from "./file-desk.ts";
import { clientAddress, namedClient } from "./forwarded.ts";
import { ping } from "./hipache.ts";
import { refusePeer } from "./peer-answer.ts";
import { adoptFromPeer } from "./peer-exchange.ts";
import type { PeerOrigin } from "./peer-request.ts";
import type { Live } from "./live.ts";
import { Addressed, type Way } from "../upstream/addressed.ts";
import type { Destination } from "../upstream/destination.ts";
import { LiveService } from "../upstream/live-service.ts";
import { isKeptOut } from "../upstream/maintenance.ts";
import { Served } from "../upstream/served.ts";
import { LoggedExchange } from "./logged-exchange.ts";
import { noRoute, RouteMeter } from "./meter.ts";
import type { Chain } from "./chain.ts";
import { chainFor, type Plan } from "./plan.ts";
import { Search } from "./search.ts";
import { Tap } from "./tap.ts";
import { secretNamesOf } from "./tap-names.ts";
import { type FilesContext, serveFiles } from "./served-files.ts";

export interface ProxyOptions {
  readonly live: Live;
  readonly wheel: ForwardContext["wheel"];
  /** Left out = this process serves alone. */
  readonly peers?: Peers;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

export class Proxy implements ForwardContext, FilesContext, CacheContext {
  readonly wheel: ForwardContext["wheel"];
  readonly #options: ProxyOptions;
  /** The exchange that is just being written to the log. */
  readonly #logged = new LoggedExchange();
  /** Of exchanges without a route. */
  readonly #unrouted: RouteMeter;
  /** Replaced on reload; a running exchange keeps the plan it began with. */
  #live: Live;
  #answered = 0;
  copying = 0;
  readonly mostCopies = maxMirrors;
  readonly files = new FileDesk();
  readonly fills = new Fills();
  /** Where operators look. */
  readonly tap = new Tap();
  readonly peers: Peers;
  /** Of names that DNS could not be asked for: any client can choose them. */
  readonly #lookups = new Warning("a container's name cannot be looked up", {}, (...said) =>
    this.onProblem(...said),
  );

  /** Of files that are there: what is wrong with them is wrong for every request. */
  readonly #fileTroubles = new Warning("a file cannot be given", {}, (...said) =>
    this.onProblem(...said),
  );

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#live = options.live;
    this.tap.names = secretNamesOf(options.live.snapshot);
    this.#unrouted = new RouteMeter(noRoute, options.live.meters);
    this.wheel = options.wheel;
    this.peers = options.peers ?? noPeers;
  }

  get live(): Live {
    return this.#live;
  }

  set live(live: Live) {
    this.#live = live;
    this.tap.names = secretNamesOf(live.snapshot);
  }

  /** Exchanges that ended so far, whatever became of them. */
  get answered(): number {
    return this.#answered;
  }

  get withForwarded(): boolean {
    return this.#live.snapshot.compat.forwarded;
  }

  get holdsFailures(): boolean {
    return this.#live.snapshot.compat.hipache;
  }

  /** A request's head is here. */
  begin(exchange: Exchange<Plan>): void {
    const { request, origin } = exchange;
    const live = this.#live;
    this.tap.begin(exchange);
    if (origin.version !== live.snapshot.version) live.refresh(origin);
    if (origin.isPeerTrusted) this.#believe(exchange, live);
    else if (live.hasClientHeaders) dropClaim(exchange, live.clientHeaderOf(origin.listener));
    live.tracer?.begin(exchange);
    if (live.hasChallenges && this.#prove(exchange, live)) return;
    if (live.snapshot.compat.hipache && this.#meetAsHipache(exchange, live)) return;
    const host = request.host === "" ? "" : normaliseHost(request.host);
    if (host === undefined) {
      this.refuse(exchange, "BAD_HOST");
      return;
    }
    if (origin.tls !== undefined && isMisdirected(origin.tls, origin, host)) {
      fail(exchange, "MISDIRECTED", live.errorPages);
      return;
    }
    const plan = live.table.match(host, exchange);
    if (plan === undefined) {
      fail(exchange, "NO_ROUTE", live.errorPages);
      return;
    }
    if (origin.tls === undefined && this.#isUnchecked(exchange, host, plan)) {
      fail(exchange, "MISDIRECTED", live.errorPages);
      return;
    }
    this.#adopt(exchange, plan);
    if (plan.maxBody > 0 && request.bodyLength > plan.maxBody) {
      fail(exchange, "BODY_TOO_LARGE", plan.errorPages);
      return;
    }
    const chain = chainFor(plan, origin.listener);
    if (chain === null) {
      this.serve(exchange, plan);
      return;
    }
    chain.enter(exchange);
    this.#ask(exchange, plan, chain);
  }

  /**
   * It came in the clear for a host that wants certificates of clients, and would be served. A trusted proxy that ended TLS
   * itself has looked at them itself.
   */
  #isUnchecked({ origin }: Exchange<Plan>, host: string, plan: Plan): boolean {
    return !origin.isPeerTrusted && !plan.isNeverPlain && this.#live.isForCertified(host);
  }

  /** An authority looks whether the name leads here (RFC 8555 section 8.3), whatever routes say. */
  #prove(exchange: Exchange<Plan>, live: Live): boolean {
    const body = live.challengeAnswer(exchange.request.path);
    if (body === undefined) return false;
    const fields = [["Content-Type", "application/octet-stream"]] as const;
    writeAnswer(exchange, { status: 200, fields, body });
    return true;
  }

  /** Returns whether that was all. */
  #meetAsHipache(exchange: Exchange<Plan>, live: Live): boolean {
    exchange.isHipacheDebug = this.isDebugAllowed(exchange);
    const { host } = exchange.request;
    if (host === ping.host) writeAnswer(exchange, ping.answer);
    else if (host === "") fail(exchange, "BAD_HOST", live.errorPages);
    else return false;
    return true;
  }

  #believe(exchange: Exchange<Plan>, live: Live): void {
    const { request, origin } = exchange;
    const header = live.clientHeaderOf(origin.listener);
    if (header !== undefined) {
      exchange.clientIp = namedClient(request.fields, header, origin.peerIp);
      return;
    }
    if (request.fields.times(Field.X_FORWARDED_FOR) === 0) return;
    const trusted = live.trustedOf(origin.listener);
    exchange.clientIp = clientAddress(request.fields, origin.peerIp, trusted);
  }

  /** From here on the plan's limits apply, and its log and hooks at the end. */
  #adopt(exchange: Exchange<Plan>, plan: Plan): void {
    exchange.routeName = plan.name;
    exchange.site = plan.site;
    // RFC 6797 section 7.2: never in the clear, where anybody could have said it.
    if (plan.strictTransport !== "" && isSecure(exchange)) {
      exchange.strictTransport = plan.strictTransport;
    }
    exchange.maxBody = plan.maxBody;
    exchange.bodyTimeout = plan.timeouts.body;
    if (exchange.method === "POST") {
      const onLate = () => late(exchange, plan);
      GrpcCall.begin(exchange, plan.timeouts, { wheel: this.wheel, isFit: isFit(plan), onLate });
    }
    exchange.plan = plan;
    plan.meter.begin();
    this.tap.routed(exchange);
  }

  /** What its middlewares say, from where it is on. An answer ends it. */
  #ask(exchange: Exchange<Plan>, plan: Plan, chain: Chain): void {
    let verdict: ReturnType<Chain["request"]>;
    try {
      verdict = chain.request(exchange);
    } catch {
      // It has been told.
      fail(exchange, "INTERNAL", plan.errorPages);
      return;
    }
    if (verdict === undefined) this.serve(exchange, plan);
    else if (verdict instanceof Promise) this.#wait(exchange, plan, chain, verdict);
    else this.#obey(exchange, plan, verdict);
  }

  /** One of them has to ask somebody. */
  #wait(exchange: Exchange<Plan>, plan: Plan, chain: Chain, verdict: Promise<Verdict>): void {
    // It was answered meanwhile, and that is still on its way: whoever let it pass is told of the end all the same.
    const drop = (found: Verdict) => {
      if (found === undefined && !exchange.isDone) exchange.passed++;
    };
    const go = (found: Verdict) => {
      if (found !== undefined) {
        this.#obey(exchange, plan, found);
        return;
      }
      exchange.passed++;
      this.#ask(exchange, plan, chain);
    };
    Search.begin(exchange, settled(verdict, chain, drop), go, drop);
  }

  #obey(exchange: Exchange<Plan>, plan: Plan, verdict: Exclude<Verdict, undefined>): void {
    exchange.record?.endMiddlewares();
    const stopper = chainFor(plan, exchange.origin.listener)?.links[exchange.passed];
    if (stopper !== undefined) plan.meter.stopped(stopper.kind, "failure" in verdict);
    const pages = plan.errorPages;
    if ("failure" in verdict) {
      fail(exchange, verdict.failure, pages, verdict.status, verdict.fields);
    } else if (!writeAnswer(exchange, verdict)) {
      fail(exchange, "INTERNAL", pages);
    }
  }

  get caches(): Caches {
    return this.#live.caches;
  }

  /** From what is kept, or by its backend. */
  serve(exchange: Exchange<Plan>, plan: Plan): void {
    const { cache, collapse, destination } = plan;
    const maintenance = plan.maintenance ?? destination?.maintenance;
    const isKept = maintenance !== undefined && isKeptOut(maintenance, exchange.clientIp);
    if (isKept) this.#forward(exchange, plan);
    else if (cache !== null) serveCached(exchange, plan, cache, this);
    else if (collapse === null || !isForCollapse(exchange)) this.#forward(exchange, plan);
    else serveCollapsed(exchange, plan, collapse, this);
  }

  pass(exchange: Exchange<Plan>, plan: Plan): void {
    this.#forward(exchange, plan);
  }

  /** Of the snapshot that is live. */
  get version(): number {
    return this.#live.snapshot.version;
  }

  /** Another worker asks for an answer that it shares among its clients. */
  beginFromPeer(exchange: Exchange<Plan>, origin: PeerOrigin): void {
    const plan = adoptFromPeer(exchange, origin, this.#live);
    if (plan === undefined) refusePeer(exchange);
    else this.serve(exchange, plan);
  }

  endFromPeer(exchange: Exchange<Plan>): void {
    exchange.onOver?.();
  }

  carry(exchange: Exchange<Plan>, plan: Plan, destination: Destination | undefined): void {
    this.#forward(exchange, plan, destination ?? null);
  }

  onFileTrouble(service: string, cause: string): void {
    this.#fileTroubles.raise({ service, cause });
  }

  /** @param destination undefined = the route's; null = there is none */
  #forward(
    exchange: Exchange<Plan>,
    plan: Plan,
    destination: Destination | null | undefined = plan.destination,
  ): void {
    // What is not shared is no business of ours.
    if (exchange.isFromPeer) {
      refusePeer(exchange);
      return;
    }
    if (destination === undefined || destination === null) {
      fail(exchange, "NO_BACKEND", plan.errorPages);
      return;
    }
    const maintenance = plan.maintenance ?? destination.maintenance;
    if (maintenance !== undefined && isKeptOut(maintenance, exchange.clientIp)) {
      refuseForMaintenance(exchange, maintenance, plan.errorPages);
      return;
    }
    if (destination instanceof Addressed) this.#find(exchange, plan, destination);
    else if (destination instanceof Served) serveFiles(exchange, plan, destination, this);
    else new Forward(exchange, plan, destination, this).start();
  }

  /** Of the containers it stands for, the one that is meant: by DNS, if that is not known yet. */
  #find(exchange: Exchange<Plan>, plan: Plan, addressed: Addressed): void {
    const { path } = exchange;
    const host = normaliseHost(exchange.request.host) ?? "";
    const go = (way: Way) => this.#go(exchange, plan, way);
    const way = addressed.way(host, path);
    if (way === undefined) Search.begin(exchange, addressed.find(host, path), go);
    else go(way);
  }

  #go(exchange: Exchange<Plan>, plan: Plan, way: Way): void {
    switch (way.kind) {
      case "found":
        exchange.path = way.path;
        this.#forward(exchange, plan, way.destination);
        break;
      case "nobody":
        fail(exchange, "NO_ROUTE", plan.errorPages);
        break;
      case "failed":
        this.#lookups.raise({ name: way.name, cause: way.why });
        fail(exchange, "NAME_NOT_FOUND", plan.errorPages);
        break;
    }
  }

  /** A request that cannot be understood, or did not come in time. */
  refuse(exchange: Exchange<Plan>, code: FailureCode): void {
    fail(exchange, code, exchange.plan?.errorPages ?? this.#live.errorPages);
  }

  /** The exchange is over, whatever became of it. Called once. */
  end(exchange: Exchange<Plan>): void {
    this.#answered++;
    const { plan } = exchange;
    exchange.filtered?.close();
    exchange.onOver?.();
    exchange.call?.close();
    if (exchange.record !== null) this.#live.tracer?.end(exchange);
    this.tap.end(exchange);
    if (plan === undefined) this.#unrouted.end(exchange, false);
    else plan.meter.end(exchange, true);
    if (plan !== undefined && plan.cache !== null) invalidate(exchange, plan.cache, this.caches);
    if (plan !== undefined && exchange.passed > 0) {
      chainFor(plan, exchange.origin.listener)?.done(exchange);
    }
    let log = plan === undefined ? this.#live.accessLog : plan.accessLog;
    if (log?.isClosed) log = this.#live.accessLog;
    if (log === undefined) return;
    this.#logged.exchange = exchange;
    log.write(this.#logged);
    this.#logged.exchange = undefined;
  }

  isDebugAllowed(exchange: Exchange<Plan>): boolean {
    return this.#live.debugPeers.has(exchange.clientIp) && exchange.header("x-debug") !== undefined;
  }

  onProblem(message: string, fields: Readonly<Record<string, string>>): void {
    this.#options.onProblem(message, fields);
  }
}

/** A backend can be asked over HTTP/2, as gRPC wants it; of several services one may have such. */
function isFit({ destination }: Plan): boolean {
  if (destination instanceof LiveService) return destination.mayTakeHttp2;
  return !(destination instanceof Served);
}

/** The deadline of a gRPC call has passed: whoever carries it lets go of it. */
function late(exchange: Exchange<Plan>, plan: Plan): void {
  const { sink } = exchange;
  if (sink !== null) sink.onRequestFailed("DEADLINE_PASSED");
  // What was answered already is on its way.
  else if (!exchange.isHeadSent) fail(exchange, "DEADLINE_PASSED", plan.errorPages);
}

/** A proxy that we trust has clients of its own, and asks for all of them by one name. */
function isMisdirected(tls: SecureFacts, { isPeerTrusted }: ExchangeOrigin, host: string): boolean {
  return tls.isMisdirected(host) || (!isPeerTrusted && tls.isUncovered(host));
}

/** Whoever is not believed must not be believed by a backend either, however it spells the name. */
function dropClaim({ request }: Exchange<Plan>, header: string | undefined): void {
  if (header === undefined) return;
  const plain = header.replaceAll("_", "-");
  request.fields.dropWhere((name) => name.replaceAll("_", "-") === plain);
}

/** Never rejects, and ends: what is asked may hang. */
async function settled(
  verdict: Promise<Verdict>,
  chain: Chain,
  drop: (late: Verdict) => void,
): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      verdict.then(drop, () => {});
      resolve({ failure: "MIDDLEWARE_TIMEOUT" });
    }, middlewareWait);
  });
  try {
    return await Promise.race([verdict, late]);
  } catch (error) {
    chain.failed("request", error);
    return { failure: "INTERNAL" };
  } finally {
    clearTimeout(timer);
  }
}
