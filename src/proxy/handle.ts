// One exchange from in to out, told in order. Every step is somewhere else; this is the map.
// Hot: bench/head.ts

import { inspect } from "node:util";
import { maxMirrors } from "../config/limits.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { normaliseHost } from "../lib/host.ts";
import { Warning } from "../lib/warning.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import { writeAnswer } from "./answer.ts";
import { fail, refuseForMaintenance } from "./fail.ts";
import { Forward } from "./forward.ts";
import type { ForwardContext } from "./forward-context.ts";
import { FileDesk } from "./file-desk.ts";
import { clientAddress } from "./forwarded.ts";
import { ping } from "./hipache.ts";
import type { Live } from "./live.ts";
import { Addressed, type Way } from "../upstream/addressed.ts";
import type { Destination } from "../upstream/destination.ts";
import { isKeptOut } from "../upstream/maintenance.ts";
import { Served } from "../upstream/served.ts";
import { LoggedExchange } from "./logged-exchange.ts";
import type { DoneHook, Plan, RequestHook, ResponseHook } from "./plan.ts";
import { Search } from "./search.ts";
import { type FilesContext, serveFiles } from "./served-files.ts";

type Hooks = readonly (RequestHook | ResponseHook | DoneHook)[];

export interface ProxyOptions {
  readonly live: Live;
  readonly wheel: ForwardContext["wheel"];
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

export class Proxy implements ForwardContext, FilesContext {
  readonly wheel: ForwardContext["wheel"];
  readonly #options: ProxyOptions;
  /** The exchange that is just being written to the log. */
  readonly #logged = new LoggedExchange();
  /** Replaced on reload; a running exchange keeps the plan it began with. */
  #live: Live;
  #answered = 0;
  copying = 0;
  readonly mostCopies = maxMirrors;
  readonly files = new FileDesk();
  /** Of middlewares that throw: a plan has one for each moment, and they go when the plan goes. */
  readonly #failures = new WeakMap<Hooks, Warning>();
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
    this.wheel = options.wheel;
  }

  get live(): Live {
    return this.#live;
  }

  set live(live: Live) {
    this.#live = live;
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
    if (origin.version !== live.snapshot.version) live.refresh(origin);
    if (origin.isPeerTrusted) this.#believe(exchange, live);
    if (live.hasChallenges && this.#prove(exchange, live)) return;
    if (live.snapshot.compat.hipache && this.#meetAsHipache(exchange, live)) return;
    const host = request.host === "" ? "" : normaliseHost(request.host);
    if (host === undefined) {
      this.refuse(exchange, "BAD_HOST");
      return;
    }
    if (origin.tls !== undefined && origin.tls.isMisdirected(host)) {
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
    if (plan.requestHooks === null) this.#forward(exchange, plan);
    else this.#runHooks(exchange, plan, plan.requestHooks);
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
    exchange.plan = plan;
  }

  /** In order; an answer ends the chain. What a middleware throws is the end of its exchange alone. */
  #runHooks(exchange: Exchange<Plan>, plan: Plan, hooks: readonly RequestHook[]): void {
    try {
      for (let index = 0; index < hooks.length; index++) {
        const answer = hooks[index]!(exchange);
        if (answer === undefined) continue;
        writeAnswer(exchange, answer);
        return;
      }
    } catch (error) {
      this.onHookFailed(plan, hooks, error);
      fail(exchange, "INTERNAL", plan.errorPages);
      return;
    }
    this.#forward(exchange, plan);
  }

  carry(exchange: Exchange<Plan>, plan: Plan, destination: Destination | undefined): void {
    this.#forward(exchange, plan, destination ?? null);
  }

  onFileTrouble(service: string, cause: string): void {
    this.#fileTroubles.raise({ service, cause });
  }

  onHookFailed(plan: Plan, hooks: Hooks, error: unknown): void {
    let warning = this.#failures.get(hooks);
    if (warning === undefined) {
      const moment = hooks === plan.requestHooks ? "request" : "response";
      const about = { route: plan.name, moment: hooks === plan.doneHooks ? "done" : moment };
      warning = new Warning("a middleware failed", about, (...said) => this.onProblem(...said));
      this.#failures.set(hooks, warning);
    }
    // A middleware is our own code: where it failed says more than that it did.
    const place = error instanceof Error ? error.stack?.split("\n")[1]?.trim() : undefined;
    warning.raise({ cause: inspect(error, { depth: 0 }).split("\n")[0] ?? "", place: place ?? "" });
  }

  /** @param destination undefined = the route's; null = there is none */
  #forward(
    exchange: Exchange<Plan>,
    plan: Plan,
    destination: Destination | null | undefined = plan.destination,
  ): void {
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
    if (plan !== undefined && plan.doneHooks !== null) {
      this.#runDoneHooks(exchange, plan, plan.doneHooks);
    }
    let log = plan === undefined ? this.#live.accessLog : plan.accessLog;
    if (log?.isClosed) log = this.#live.accessLog;
    if (log === undefined) return;
    this.#logged.exchange = exchange;
    log.write(this.#logged);
    this.#logged.exchange = undefined;
  }

  /** All of them, also when one throws: another may count what runs. */
  #runDoneHooks(exchange: Exchange<Plan>, plan: Plan, hooks: readonly DoneHook[]): void {
    for (const hook of hooks) {
      try {
        hook(exchange);
      } catch (error) {
        this.onHookFailed(plan, hooks, error);
      }
    }
  }

  isDebugAllowed(exchange: Exchange<Plan>): boolean {
    return this.#live.debugPeers.has(exchange.clientIp) && exchange.header("x-debug") !== undefined;
  }

  onProblem(message: string, fields: Readonly<Record<string, string>>): void {
    this.#options.onProblem(message, fields);
  }
}
