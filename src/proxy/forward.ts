// Carries one exchange to a backend and the answer back: attempts, bodies both ways at once, upgrades.
// Whether a failed attempt may be repeated is decided here and nowhere else. Hot: bench/head.ts

import type { Backend, Maintenance } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { httpDate } from "../lib/http-date.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Destination } from "../upstream/destination.ts";
import type { ResponseSink, UpstreamConnection } from "../upstream/http1.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { Pool, PoolTicket, Waiter } from "../upstream/pool.ts";
import { strictTransportLine } from "./answer.ts";
import { Attempts, type AttemptUser } from "./attempts.ts";
import { Copies, type CopyContext } from "./copies.ts";
import { fail, refuseForMaintenance, showStarting, unanswered } from "./fail.ts";
import { holdUntilSpread } from "./held-answer.ts";
import { hipacheDebug } from "./hipache.ts";
import { KeptBody } from "./kept-body.ts";
import { dropHopByHop } from "./hop-by-hop.ts";
import type { Plan, ResponseHook } from "./plan.ts";
import { Tunnel } from "./tunnel.ts";
import { upstreamHead, type UpstreamHead } from "./upstream-head.ts";

/** What a forward needs besides its exchange and plan. */
export interface ForwardContext extends CopyContext {
  readonly wheel: Wheel;
  /** Also send RFC 7239 `Forwarded`. */
  readonly withForwarded: boolean;
  /** A failed answer waits until the other workers know of the dead backend. */
  readonly holdsFailures: boolean;
  /** The client asked for X-Debug-* and may have them. */
  isDebugAllowed(exchange: Exchange): boolean;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
  /** One of these hooks threw. */
  onHookFailed(plan: Plan, hooks: readonly ResponseHook[], error: unknown): void;
}

/** Methods whose repetition changes nothing (RFC 9110 section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

export class Forward implements RequestSink, ResponseSink, Waiter<UpstreamConnection>, AttemptUser {
  /** Of the pool that is waited for. */
  ticket: PoolTicket<UpstreamConnection> | null = null;
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #context: ForwardContext;
  readonly #attempts: Attempts;
  readonly #head: UpstreamHead;
  readonly #isChunked: boolean;
  #connection: UpstreamConnection | null = null;
  #pool: Pool<UpstreamConnection> | null = null;
  #isWaiting = false;
  /** The connection had carried an answer before: its peer may have closed it just now. */
  #isReused = false;
  /** The wait for an answer is shorter than the route's: others could be asked. */
  #isShortTry = false;
  #copies: Copies | null = null;
  /** Body bytes not sent yet, or kept so that they can be sent again. */
  readonly #kept = new KeptBody();
  #isReplayable = true;
  #isRequestEnded: boolean;
  #trailers = "";
  #hasAnswer = false;
  #isOver = false;
  #tunnel: Tunnel | null = null;

  constructor(exchange: Exchange, plan: Plan, destination: Destination, context: ForwardContext) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#context = context;
    this.#isChunked = exchange.request.bodyLength === CHUNKED;
    this.#isRequestEnded = exchange.request.bodyLength === 0;
    this.#attempts = new Attempts(exchange, destination, this);
    const { service } = this.#attempts;
    // One of several services may want something else of the head.
    const isHostKept = service === destination && service.settings.host === "keep";
    const copies = destination.copiesOf(service, exchange);
    this.#head = upstreamHead(exchange, isHostKept && copies === null, context.withForwarded);
    if (copies !== null) this.#copies = Copies.of(exchange, copies, this.#head, context);
    exchange.sink = this;
  }

  start(): void {
    if (this.#isRequestEnded) this.#copies?.send("");
    this.#attempts.begin();
  }

  onKeptOut(maintenance: Maintenance): void {
    if (this.#isOver) return;
    this.#end();
    refuseForMaintenance(this.#exchange, maintenance, this.#plan.errorPages);
  }

  onStarting(): void {
    if (this.#isOver) return;
    this.#end();
    showStarting(this.#exchange, this.#plan.errorPages);
  }

  // --- attempts --------------------------------------------------------------------------------

  onBackend(backend: LiveBackend): void {
    const connection = backend.pool.takeIdle();
    if (connection === undefined) {
      this.#open(backend);
      return;
    }
    this.#isReused = true;
    this.#send(connection, backend.backend);
  }

  #open({ pool }: LiveBackend): void {
    this.#pool = pool;
    this.#isReused = false;
    this.#isWaiting = true;
    this.onHeld();
    pool.open(this, this.#plan.timeouts.connect);
  }

  /** Reads on for a while: whoever does not read finds out late that its client has gone. */
  onHeld(): void {
    const { replayBody } = this.#attempts.service.settings.retry;
    const isFull = this.#kept.bytes >= replayBody;
    if (!this.#isRequestEnded && isFull) this.#exchange.client.pauseRequest();
  }

  onLease(connection: UpstreamConnection): void {
    this.#isWaiting = false;
    const { backend } = this.#attempts;
    if (this.#isOver || backend === null) {
      connection.destroy();
      return;
    }
    // A connection that somebody else has just given back may be dead like any idle one.
    this.#isReused = connection.served > 0;
    this.#send(connection, backend.backend);
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    this.#isWaiting = false;
    if (this.#isOver) return;
    const why = cause?.message ?? "";
    this.#tellProblem(code, why);
    this.#attempts.onNoConnection(code, why);
  }

  onGivenUp(code: FailureCode, status?: number): void {
    this.#fail(code, status);
  }

  #tellProblem(code: FailureCode, cause: string): void {
    this.#context.onProblem(factsOf(code).text, {
      failure: code,
      backend: this.#exchange.backendUrl,
      route: this.#plan.name,
      ...(cause === "" ? {} : { cause }),
    });
  }

  #send(connection: UpstreamConnection, backend: Backend): void {
    const { timeouts } = this.#plan;
    const { request } = this.#exchange;
    const { host, retry } = this.#attempts.service.settings;
    const wait = timeouts.response;
    const isShorter = retry.tryTimeout > 0 && (wait === 0 || retry.tryTimeout < wait);
    this.#isShortTry = isShorter && this.#isRepeatable && this.#attempts.mayAskAnother;
    this.#connection = connection;
    this.#attempts.onSend();
    connection.begin(
      this,
      this.#head.textFor(backend, host),
      request.method,
      this.#head.isUpgrade,
      this.#isShortTry ? retry.tryTimeout : wait,
      timeouts.responseBody,
    );
    this.#kept.forEach((page, length) => connection.writeData(page, 0, length, this.#isChunked));
    if (!this.#isReplayable) this.#kept.clear();
    if (this.#isRequestEnded) connection.endRequest(this.#trailers, this.#isChunked);
    if (connection.flush()) this.#exchange.client.resumeRequest();
    else if (!this.#isRequestEnded) this.#exchange.client.pauseRequest();
  }

  /** What was sent may be sent again: it is all here, changes nothing twice, and no answer has begun. */
  get #isRepeatable(): boolean {
    return this.#isReplayable && !this.#hasAnswer && idempotent.has(this.#exchange.method);
  }

  /** RFC 9112 section 9.3.1: what a dead connection swallowed may go out again on a fresh one. */
  get #isSwallowed(): boolean {
    const mayRepeat =
      idempotent.has(this.#exchange.method) || this.#attempts.service.settings.retry.nonIdempotent;
    return this.#isReused && this.#isReplayable && !this.#hasAnswer && mayRepeat;
  }

  /** Nothing more is done for it, or kept. */
  #end(): void {
    this.#isOver = true;
    this.#attempts.cancel();
    this.#kept.clear();
    // A copy of half a request would be another request.
    if (!this.#isRequestEnded) this.#copies?.drop();
  }

  #fail(code: FailureCode, status?: number): void {
    if (this.#isOver) return;
    const { failed } = this.#attempts;
    if (failed !== null && this.#context.holdsFailures) holdUntilSpread(this.#exchange, failed);
    this.#end();
    this.#attempts.recordFailure(code);
    fail(this.#exchange, code, this.#plan.errorPages, status);
  }

  // --- the request's body ----------------------------------------------------------------------

  onRequestData(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    this.#copies?.add(buffer, start, end);
    if (this.#isReplayable) {
      const bytes = this.#kept.bytes + end - start;
      if (bytes > this.#attempts.service.settings.retry.replayBody) {
        this.#isReplayable = false;
        if (this.#connection !== null) this.#kept.clear();
        // Nobody else can be asked any more: this one gets all the time there is.
        if (this.#isShortTry) this.#connection?.grant(this.#plan.timeouts.response);
        this.#isShortTry = false;
      }
    }
    if (this.#isReplayable || this.#connection === null) this.#kept.add(buffer, start, end);
    if (this.#connection === null) this.onHeld();
    else this.#connection.writeData(buffer, start, end, this.#isChunked);
  }

  onRequestEnd(trailers: string): void {
    this.#isRequestEnded = true;
    this.#trailers = trailers;
    this.#copies?.send(trailers);
    this.#connection?.endRequest(trailers, this.#isChunked);
  }

  onRequestFlush(): void {
    if (this.#isOver || this.#connection === null) return;
    if (!this.#connection.flush() && !this.#isRequestEnded) this.#exchange.client.pauseRequest();
  }

  onUpstreamDrain(): void {
    if (this.#tunnel !== null) this.#tunnel.onBackendDrain();
    else this.#exchange.client.resumeRequest();
  }

  onRequestFailed(code: FailureCode): void {
    if (this.#isOver) return;
    if (this.#isWaiting) this.#pool?.cancel(this);
    this.#connection?.destroy();
    this.#connection = null;
    if (unanswered.has(code)) this.#end();
    else this.#fail(code);
  }

  // --- the answer ------------------------------------------------------------------------------

  onInterim(head: ResponseHead): void {
    this.#hasAnswer = true;
    // HTTP/1.0 clients know no interim answers (RFC 9110 section 15.2).
    if (this.#exchange.request.minor === 0) return;
    dropHopByHop(head.fields);
    this.#exchange.client.writeInterim(
      `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields.serialise()}\r\n`,
    );
  }

  onResponseHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { fields } = head;
    const ms = this.#attempts.onAnswer(head.status);
    if (this.#turnsAway(head.status)) return;
    this.#hasAnswer = true;
    const { failed } = this.#attempts;
    if (failed !== null && failed === this.#attempts.backend && this.#context.holdsFailures) {
      holdUntilSpread(exchange, failed);
    }
    exchange.backendMs = ms;
    this.#attempts.record(head.status);
    if (head.status === 101 && !this.#isRequestEnded) {
      // The rest of the request's body would end up in the tunnel.
      this.#connection?.destroy();
      this.onResponseFailed("BAD_RESPONSE");
      return;
    }
    const upgrade = head.status === 101 ? fields.first(Field.UPGRADE) : "";
    dropHopByHop(fields);
    if (head.status === 204) fields.drop(Field.CONTENT_LENGTH);
    const hooks = this.#plan.responseHooks;
    if (hooks !== null && !this.#runHooks(hooks, head)) return;
    const { strictTransport } = exchange;
    // RFC 6797 section 7.1: one field, and browsers believe the first.
    if (strictTransport !== "") fields.dropNamed("strict-transport-security");
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${fields.serialise()}`;
    if (strictTransport !== "") text += strictTransportLine(strictTransport);
    // RFC 9110 section 6.6.1: who passes on an answer without a date adds one.
    if (fields.times(Field.DATE) === 0) text += `Date: ${httpDate()}\r\n`;
    text += this.#attempts.sessionLines(fields);
    if (exchange.request.fields.times(Field.X_DEBUG) > 0) text += this.#debugLines();
    if (head.status === 101) {
      this.#startTunnel(`${text}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`);
      return;
    }
    exchange.client.writeHead(head.status, text, head.bodyLength);
  }

  /** An answer with such a status is not wanted while somebody else may have a better one. */
  #turnsAway(status: number): boolean {
    if (!this.#attempts.isUnwanted(status) || !this.#isRepeatable) return false;
    const connection = this.#connection;
    this.#connection = null;
    if (this.#attempts.better(status)) {
      connection?.destroy();
      return true;
    }
    this.#connection = connection;
    return false;
  }

  /** What a middleware throws is the end of its exchange alone. False: it threw. */
  #runHooks(hooks: readonly ResponseHook[], head: ResponseHead): boolean {
    try {
      for (const hook of hooks) hook(this.#exchange, head);
      return true;
    } catch (error) {
      this.#context.onHookFailed(this.#plan, hooks, error);
      this.#connection?.destroy();
      this.#connection = null;
      this.#fail("INTERNAL");
      return false;
    }
  }

  #debugLines(): string {
    if (!this.#context.isDebugAllowed(this.#exchange)) return "";
    if (this.#exchange.isHipacheDebug) return hipacheDebug(this.#exchange, this.#attempts.service);
    const { backendUrl, backendMs, startedAt } = this.#exchange;
    return (
      `X-Debug-Backend: ${backendUrl}\r\n` +
      `X-Debug-Time-Backend: ${backendMs.toFixed(1)}\r\n` +
      `X-Debug-Time-Total: ${(performance.now() - startedAt).toFixed(1)}\r\n`
    );
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.#exchange.client.writeData(buffer, start, end);
  }

  onResponseFlush(): void {
    if (this.#tunnel !== null) this.#tunnel.onBackendFlush();
    else if (!this.#isOver && !this.#exchange.client.flush()) this.#connection?.pause();
  }

  onClientDrain(): void {
    this.#connection?.resume();
  }

  onResponseEnd(trailers: string): void {
    this.#connection = null;
    this.#attempts.onAnswered();
    this.#end();
    this.#exchange.client.endAnswer(trailers);
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    this.#connection = null;
    if (this.#isOver) return;
    // It saw nothing of the request: as if there had been no connection, if we still have all of it.
    if (code === "TLS_FAILED" && this.#isReplayable) {
      this.#tellProblem(code, cause);
      this.#attempts.onNoConnection(code, cause);
      return;
    }
    const { backend } = this.#attempts;
    const isClosed = code === "UPSTREAM_CLOSED";
    if (isClosed && backend !== null && this.#isSwallowed && this.#attempts.again()) {
      this.#open(backend);
      return;
    }
    // With half a request in its hands it may have every right to hang up.
    if (this.#isRequestEnded) this.#attempts.onFailed(code);
    this.#tellProblem(code, cause);
    const isWorthIt = isClosed || (code === "RESPONSE_TIMEOUT" && this.#isShortTry);
    if (isWorthIt && this.#isRepeatable && this.#attempts.another()) return;
    this.#fail(code);
  }

  // --- upgrades --------------------------------------------------------------------------------

  #startTunnel(head: string): void {
    this.#attempts.onAnswered();
    const { client } = this.#exchange;
    client.writeHead(101, head, 0);
    this.#tunnel = new Tunnel(this.#exchange, this.#connection!, {
      wheel: this.#context.wheel,
      idleMs: this.#plan.timeouts.tunnel,
      onOver: () => this.#attempts.leave(),
    });
    // The connection is the tunnel's now.
    this.#connection = null;
    client.startTunnel(this.#tunnel);
  }

  onBackendData(buffer: Buffer, start: number, end: number): void {
    this.#tunnel?.onBackendData(buffer, start, end);
  }

  onBackendEnd(): void {
    this.#tunnel?.onBackendEnd();
  }

  onBackendClosed(): void {
    this.#tunnel?.onBackendClosed();
  }
}
