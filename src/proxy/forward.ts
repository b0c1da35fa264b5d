// Carries one exchange to a backend and the answer back: attempts, bodies both ways at once, upgrades.
// Whether a failed attempt may be repeated is decided here and nowhere else. Hot: bench/head.ts

import type { Backend } from "../config/snapshot.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { httpDate } from "../lib/http-date.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { ResponseSink, UpstreamConnection } from "../upstream/http1.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { Pool, Waiter } from "../upstream/pool.ts";
import { fail } from "./fail.ts";
import { KeptBody } from "./kept-body.ts";
import { dropHopByHop } from "./hop-by-hop.ts";
import type { Plan, ResponseHook } from "./plan.ts";
import { Tunnel } from "./tunnel.ts";
import { upstreamHead, type UpstreamHead } from "./upstream-head.ts";

/** What a forward needs besides its exchange and plan. */
export interface ForwardContext {
  readonly wheel: Wheel;
  /** Also send RFC 7239 `Forwarded`. */
  readonly withForwarded: boolean;
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

/** The client is gone: nobody is left to tell. */
const unanswered: ReadonlySet<FailureCode> = new Set([
  "CLIENT_CLOSED",
  "CLIENT_STALLED",
  "SHUT_DOWN",
]);

export class Forward implements RequestSink, ResponseSink, Waiter {
  readonly #exchange: Exchange;
  readonly #plan: Plan;
  readonly #service: LiveService;
  readonly #context: ForwardContext;
  readonly #head: UpstreamHead;
  readonly #isChunked: boolean;
  #connection: UpstreamConnection | null = null;
  #pool: Pool | null = null;
  #isWaiting = false;
  /** The connection had carried an answer before: its peer may have closed it just now. */
  #isReused = false;
  #tried: Set<number> | undefined = undefined;
  #index = -1;
  #attemptsLeft: number;
  /** Body bytes not sent yet, or kept so that they can be sent again. */
  readonly #kept = new KeptBody();
  #isReplayable = true;
  #isRequestEnded: boolean;
  #trailers = "";
  #hasAnswer = false;
  #isOver = false;
  #startedAt = 0;
  #tunnel: Tunnel | null = null;

  constructor(exchange: Exchange, plan: Plan, service: LiveService, context: ForwardContext) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#service = service;
    this.#context = context;
    this.#isChunked = exchange.request.bodyLength === CHUNKED;
    this.#isRequestEnded = exchange.request.bodyLength === 0;
    this.#attemptsLeft = service.service.retry.attempts;
    this.#head = upstreamHead(exchange, service.service.host, context.withForwarded);
    exchange.sink = this;
    exchange.serviceName = service.service.name;
  }

  start(): void {
    this.#startedAt = performance.now();
    this.#attempt(false);
  }

  // --- attempts --------------------------------------------------------------------------------

  /** @param isFresh use no idle connection: the last one was found dead */
  #attempt(isFresh: boolean): void {
    if (!isFresh) this.#index = this.#service.pick(this.#tried);
    const candidate = this.#service.candidates[this.#index];
    if (candidate === undefined) {
      this.#fail("NO_BACKEND");
      return;
    }
    const { pool } = candidate;
    this.#pool = pool;
    this.#exchange.attempts++;
    this.#exchange.backendUrl = pool.backend.url;
    const connection = isFresh ? undefined : pool.takeIdle();
    if (connection !== undefined) {
      this.#isReused = true;
      this.#send(connection, pool.backend);
      return;
    }
    this.#isReused = false;
    this.#isWaiting = true;
    if (!this.#isRequestEnded) this.#exchange.client.pauseRequest();
    pool.open(this, this.#plan.timeouts.connect);
  }

  onLease(connection: UpstreamConnection): void {
    this.#isWaiting = false;
    if (this.#isOver) {
      connection.destroy();
      return;
    }
    // A connection that somebody else has just given back may be dead like any idle one.
    this.#isReused = connection.served > 0;
    this.#send(connection, this.#pool!.backend);
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    this.#isWaiting = false;
    if (this.#isOver) return;
    this.#context.onProblem(factsOf(code).text, {
      failure: code,
      backend: this.#exchange.backendUrl,
      route: this.#plan.name,
      cause: cause?.message ?? "",
    });
    (this.#tried ??= new Set()).add(this.#index);
    const isAnyLeft = this.#tried.size < this.#service.candidates.length;
    if (factsOf(code).retry === "unsent" && this.#attemptsLeft-- > 0 && isAnyLeft) {
      this.#attempt(false);
    } else {
      this.#fail(code);
    }
  }

  #send(connection: UpstreamConnection, backend: Backend): void {
    const { timeouts } = this.#plan;
    const { request } = this.#exchange;
    this.#connection = connection;
    connection.begin(
      this,
      this.#head.textFor(backend),
      request.method,
      this.#head.isUpgrade,
      timeouts.response,
      timeouts.responseBody,
    );
    this.#kept.forEach((page, length) => connection.writeData(page, 0, length, this.#isChunked));
    if (!this.#isReplayable) this.#kept.clear();
    if (this.#isRequestEnded) connection.endRequest(this.#trailers, this.#isChunked);
    if (connection.flush()) this.#exchange.client.resumeRequest();
    else if (!this.#isRequestEnded) this.#exchange.client.pauseRequest();
  }

  /** RFC 9112 section 9.3.1: only what arrived nowhere, or may arrive twice, is sent again. */
  #canReplay(code: FailureCode): boolean {
    if (code !== "UPSTREAM_CLOSED" || !this.#isReused || this.#hasAnswer) return false;
    if (!this.#isReplayable || this.#attemptsLeft <= 0) return false;
    return idempotent.has(this.#exchange.method) || this.#service.service.retry.nonIdempotent;
  }

  #fail(code: FailureCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#kept.clear();
    fail(this.#exchange, code, this.#plan.errorPages);
  }

  // --- the request's body ----------------------------------------------------------------------

  onRequestData(buffer: Buffer, start: number, end: number): void {
    if (this.#isOver) return;
    if (this.#isReplayable) {
      const bytes = this.#kept.bytes + end - start;
      if (bytes > this.#service.service.retry.replayBody) {
        this.#isReplayable = false;
        if (this.#connection !== null) this.#kept.clear();
      }
    }
    if (this.#isReplayable || this.#connection === null) this.#kept.add(buffer, start, end);
    this.#connection?.writeData(buffer, start, end, this.#isChunked);
  }

  onRequestEnd(trailers: string): void {
    this.#isRequestEnded = true;
    this.#trailers = trailers;
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
    if (unanswered.has(code)) this.#isOver = true;
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
    this.#hasAnswer = true;
    exchange.backendMs = performance.now() - this.#startedAt;
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
    let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n${fields.serialise()}`;
    // RFC 9110 section 6.6.1: who passes on an answer without a date adds one.
    if (fields.times(Field.DATE) === 0) text += `Date: ${httpDate()}\r\n`;
    if (exchange.request.fields.times(Field.X_DEBUG) > 0) text += this.#debugLines();
    if (head.status === 101) {
      this.#startTunnel(`${text}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`);
      return;
    }
    exchange.client.writeHead(head.status, text, head.bodyLength);
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
    this.#isOver = true;
    this.#connection = null;
    this.#kept.clear();
    this.#exchange.client.endAnswer(trailers);
  }

  onResponseFailed(code: FailureCode): void {
    this.#connection = null;
    if (this.#isOver) return;
    if (this.#canReplay(code)) {
      this.#attemptsLeft--;
      this.#attempt(true);
      return;
    }
    this.#context.onProblem(factsOf(code).text, {
      failure: code,
      backend: this.#exchange.backendUrl,
      route: this.#plan.name,
    });
    this.#fail(code);
  }

  // --- upgrades --------------------------------------------------------------------------------

  #startTunnel(head: string): void {
    const { client } = this.#exchange;
    client.writeHead(101, head, 0);
    this.#tunnel = new Tunnel(
      this.#exchange,
      this.#connection!,
      this.#context.wheel,
      this.#plan.timeouts.tunnel,
    );
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
