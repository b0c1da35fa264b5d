// Carries one exchange to a backend and the answer back: attempts, bodies both ways at once, upgrades.
// Whether a failed attempt may be repeated is decided here and nowhere else. Hot: bench/head.ts

import type { Backend, Maintenance } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Destination } from "../upstream/destination.ts";
import type { ResponseSink, BackendConnection } from "../upstream/backend-connection.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { Pool, PoolTicket, Waiter } from "../upstream/pool.ts";
import { answerHead, restoreAnswer } from "./answer-head.ts";
import { Attempts, type AttemptUser, idempotent } from "./attempts.ts";
import { Copies } from "./copies.ts";
import { tellErrorText } from "./error-log.ts";
import { fail, refuseForMaintenance, showStarting, unanswered } from "./fail.ts";
import type { ForwardContext } from "./forward-context.ts";
import { holdUntilSpread } from "./held-answer.ts";
import { dropHopByHop } from "./hop-by-hop.ts";
import { sendNamedFile, takeNamedFile } from "./named-file.ts";
import type { Plan } from "./plan.ts";
import { Preparation, type PreparationUser } from "./preparation.ts";
import type { Pour } from "./spool.ts";
import { SentBody } from "./sent-body.ts";
import { Tunnel } from "./tunnel.ts";
import { upstreamHead, type UpstreamHead } from "./upstream-head.ts";

type User = Waiter<BackendConnection> & AttemptUser & PreparationUser;

export class Forward implements RequestSink, ResponseSink, User {
  /** Of the pool that is waited for. */
  ticket: PoolTicket<BackendConnection> | null = null;
  readonly #exchange: Exchange<Plan>;
  readonly #plan: Plan;
  readonly #context: ForwardContext;
  readonly #attempts: Attempts;
  readonly #head: UpstreamHead;
  readonly #body: SentBody;
  #connection: BackendConnection | null = null;
  #pool: Pool<BackendConnection> | null = null;
  #isWaiting = false;
  /** The connection had carried an answer before: its peer may have closed it just now. */
  #isReused = false;
  /** The wait for an answer is shorter than the route's: others could be asked. */
  #isShortTry = false;
  #copies: Copies | null = null;
  /** null = a backend can be asked at once, which speaks HTTP. */
  #preparation: Preparation | null = null;
  /** A body that was kept whole, on its way to a backend. */
  #pour: Pour | null = null;
  #hasAnswer = false;
  #isOver = false;
  #tunnel: Tunnel | null = null;

  constructor(
    exchange: Exchange<Plan>,
    plan: Plan,
    destination: Destination,
    context: ForwardContext,
  ) {
    this.#exchange = exchange;
    this.#plan = plan;
    this.#context = context;
    const { bodyLength } = exchange.request;
    this.#body = new SentBody(bodyLength === CHUNKED, bodyLength === 0);
    this.#attempts = new Attempts(exchange, destination, this);
    const { service } = this.#attempts;
    // One of several services may want something else of the head.
    const isHostKept = service === destination && service.settings.host === "keep";
    const copies = destination.copiesOf(service, exchange);
    // We say so ourselves before a body is kept.
    if (plan.spool !== undefined) exchange.request.fields.drop(Field.EXPECT);
    const mount = plan.restoreUrls?.to ?? "";
    const { withForwarded } = context;
    this.#head = upstreamHead(exchange, isHostKept && copies === null, withForwarded, mount);
    if (copies !== null) this.#copies = Copies.of(exchange, copies, this.#head, context);
    if (service.settings.gateway !== undefined || plan.spool !== undefined) this.#prepare(false);
    exchange.sink = this;
  }

  #prepare(isLate: boolean): Preparation {
    const { service } = this.#attempts;
    const { forwarded } = this.#head;
    const request = { exchange: this.#exchange, plan: this.#plan, service, forwarded, isLate };
    this.#preparation = new Preparation(request, this.#context.wheel, this);
    return this.#preparation;
  }

  start(): void {
    if (this.#body.isEnded) this.#copies?.send("");
    if (this.#preparation === null) this.#attempts.begin();
    else this.#preparation.begin();
  }

  onPrepared(): void {
    if (this.#isOver) return;
    if (this.#preparation?.spool !== undefined) this.#body.isEnded = true;
    this.#attempts.begin();
  }

  onUnprepared(code: FailureCode, why: string): void {
    if (this.#isOver) return;
    this.#connection?.destroy();
    this.#connection = null;
    if (why !== "") this.#tellProblem(code, why);
    this.#fail(code);
  }

  onSpoolDrain(): void {
    this.#exchange.client.resumeRequest();
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
    const connection = backend.poolFor(this.#head.upgrade).takeIdle();
    if (connection === undefined) {
      this.#open(backend);
      return;
    }
    this.#isReused = true;
    this.#send(connection, backend.backend);
  }

  #open(backend: LiveBackend): void {
    const pool = backend.poolFor(this.#head.upgrade);
    this.#pool = pool;
    this.#isReused = false;
    this.#isWaiting = true;
    this.onHeld();
    pool.open(this, this.#plan.timeouts.connect);
  }

  /** Reads on for a while: whoever does not read finds out late that its client has gone. */
  onHeld(): void {
    const { replayBody } = this.#attempts.service.settings.retry;
    const isFull = this.#body.bytes >= replayBody;
    if (!this.#body.isEnded && isFull) this.#exchange.client.pauseRequest();
  }

  onLease(connection: BackendConnection): void {
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

  #send(connection: BackendConnection, backend: Backend): void {
    const { request, call } = this.#exchange;
    const timeouts = call?.timeouts ?? this.#plan.timeouts;
    const { settings } = this.#attempts.service;
    const { retry } = settings;
    const wait = timeouts.response;
    const isShorter = retry.tryTimeout > 0 && (wait === 0 || retry.tryTimeout < wait);
    this.#isShortTry = isShorter && this.#isRepeatable && this.#attempts.mayAskAnother;
    this.#connection = connection;
    const isHttp = backend.speaks === undefined;
    const text = isHttp ? this.#head.textFor(backend, settings.host) : this.#paramsFor(backend);
    if (text === undefined) return;
    const { record } = this.#exchange;
    const head = record === null ? text : record.stamped(text);
    this.#attempts.onSend();
    connection.begin(
      this,
      head,
      request.method,
      isHttp && this.#head.isUpgrade,
      this.#isShortTry ? retry.tryTimeout : wait,
      timeouts.responseBody,
    );
    const spool = this.#preparation?.spool;
    if (spool !== undefined) {
      this.#pour = spool.pour(connection, this.#body.isChunked, {
        isWanted: () => this.#connection === connection,
        onPoured: () => this.#body.endOn(connection),
      });
      this.#pour.go();
      return;
    }
    this.#body.writeTo(connection);
    if (connection.flush()) this.#exchange.client.resumeRequest();
    else if (!this.#body.isEnded) this.#exchange.client.pauseRequest();
  }

  /** For a program; undefined = it cannot be asked, and that is its end. */
  #paramsFor(backend: Backend): string | undefined {
    // Another service spoke HTTP, and was asked before.
    const preparation = this.#preparation ?? this.#prepare(true);
    const { bodyLength } = this.#exchange.request;
    const isAllHere = this.#body.isEnded && bodyLength === CHUNKED;
    const length = isAllHere ? this.#body.bytes : bodyLength;
    return preparation.textFor(backend, this.#attempts.service.settings, length);
  }

  /** What was sent may be sent again: it is all here, changes nothing twice, and no answer has begun. */
  get #isRepeatable(): boolean {
    return this.#body.isReplayable && !this.#hasAnswer && idempotent.has(this.#exchange.method);
  }

  /** RFC 9112 section 9.3.1: what a dead connection swallowed may go out again on a fresh one. */
  get #isSwallowed(): boolean {
    const mayRepeat =
      idempotent.has(this.#exchange.method) || this.#attempts.service.settings.retry.nonIdempotent;
    return this.#isReused && this.#body.isReplayable && !this.#hasAnswer && mayRepeat;
  }

  /** Nothing more is done for it, or kept. */
  #end(): void {
    this.#isOver = true;
    this.#attempts.cancel();
    this.#body.clear();
    this.#preparation?.close();
    // A copy of half a request would be another request.
    if (!this.#body.isEnded) this.#copies?.drop();
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
    const spool = this.#preparation?.spool;
    if (spool !== undefined) {
      if (!spool.add(buffer, start, end)) this.#exchange.client.pauseRequest();
      return;
    }
    const { replayBody } = this.#attempts.service.settings.retry;
    if (!this.#body.add([buffer, start, end], replayBody, this.#connection)) {
      // Nobody else can be asked any more: this one gets all the time there is.
      if (this.#isShortTry) this.#connection?.grant(this.#plan.timeouts.response);
      this.#isShortTry = false;
    }
    if (this.#connection === null) this.onHeld();
  }

  onRequestEnd(trailers: string): void {
    this.#body.trailers = trailers;
    this.#copies?.send(trailers);
    const spool = this.#preparation?.spool;
    if (spool !== undefined) {
      spool.end();
      return;
    }
    this.#body.isEnded = true;
    if (this.#connection !== null) this.#body.endOn(this.#connection);
  }

  onRequestFlush(): void {
    if (this.#isOver || this.#connection === null) return;
    if (!this.#connection.flush() && !this.#body.isEnded) this.#exchange.client.pauseRequest();
  }

  onUpstreamDrain(): void {
    if (this.#tunnel !== null) this.#tunnel.onBackendDrain();
    else if (this.#pour !== null) this.#pour.go();
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
    head.fields.drop(Field.CONTENT_LENGTH);
    this.#exchange.client.writeInterim(
      `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.fields.serialise()}\r\n`,
    );
  }

  onResponseHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { fields } = head;
    const counted = exchange.call?.answered(exchange, head) ?? head.status;
    const ms = this.#attempts.onAnswer(head.status, counted);
    if (this.#turnsAway(head.status)) return;
    this.#hasAnswer = true;
    const { failed } = this.#attempts;
    if (failed !== null && failed === this.#attempts.backend && this.#context.holdsFailures) {
      holdUntilSpread(exchange, failed);
    }
    exchange.backendMs = ms;
    this.#attempts.record(counted);
    if (head.status === 101 && (!this.#body.isEnded || this.#pour?.isOver === false)) {
      // The rest of the request's body would end up in the tunnel.
      this.#connection?.destroy();
      this.onResponseFailed("BAD_RESPONSE");
      return;
    }
    const upgrade = head.status === 101 ? fields.first(Field.UPGRADE) : "";
    dropHopByHop(fields);
    // RFC 9110 section 8.6.
    if (head.status === 101 || head.status === 204) fields.drop(Field.CONTENT_LENGTH);
    restoreAnswer(exchange, this.#plan, this.#attempts, fields);
    if (this.#sendsFile(head)) return;
    const text = answerHead(exchange, this.#context, this.#attempts, head);
    if (text === undefined) {
      this.#connection?.destroy();
      this.#connection = null;
      this.#fail("INTERNAL");
      return;
    }
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

  /** A program named a file that goes out in the place of its own answer. */
  #sendsFile(head: ResponseHead): boolean {
    const { service } = this.#attempts;
    const { gateway } = service.settings;
    if (gateway === undefined) return false;
    const named = takeNamedFile(head, gateway);
    if (named === undefined) return false;
    const lines = named.lines + this.#attempts.sessionLines(head.fields);
    this.#connection?.destroy();
    this.#connection = null;
    this.#attempts.onAnswered();
    this.#end();
    sendNamedFile(
      { ...named, lines },
      {
        exchange: this.#exchange,
        plan: this.#plan,
        premises: service.premises,
        gateway,
        onTrouble: (cause) => this.#context.onFileTrouble(service.name, cause),
      },
    );
    return true;
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
    this.#exchange.call?.ended(this.#exchange, trailers);
    this.#attempts.onAnswered();
    this.#end();
    this.#exchange.client.endAnswer(trailers);
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    this.#connection = null;
    if (this.#isOver) return;
    const isUnsent = factsOf(code).retry === "unsent";
    if (isUnsent && this.#body.isReplayable && !this.#hasAnswer)
      return this.#askElsewhere(code, cause);
    const { backend } = this.#attempts;
    // A program that takes no more on a connection may do so on one of its own.
    const isRefused = code === "UPSTREAM_CLOSED" || code === "GATEWAY_OVERLOADED";
    if (isRefused && backend !== null && this.#isSwallowed && this.#attempts.again()) {
      this.#open(backend);
      return;
    }
    // With half a request in its hands it may have every right to hang up.
    if (this.#body.isEnded) this.#attempts.onFailed(code);
    this.#tellProblem(code, cause);
    const isWorthIt =
      isRefused || code === "STREAM_RESET" || (code === "RESPONSE_TIMEOUT" && this.#isShortTry);
    if (isWorthIt && this.#isRepeatable && this.#attempts.another()) return;
    this.#fail(code);
  }

  /** The backend saw nothing of the request: as if there had been no connection, since we still have all of it. */
  #askElsewhere(code: FailureCode, cause: string): void {
    const { backend } = this.#attempts;
    const isAskable =
      code === "STREAM_REFUSED" || (code === "VERSION_REFUSED" && backend?.wantHttp1() === true);
    if (isAskable && backend !== null && this.#attempts.afresh(code)) {
      this.onBackend(backend);
      return;
    }
    this.#tellProblem(code, cause);
    this.#attempts.onNoConnection(code, cause);
  }

  /** A program wrote it to its error stream. */
  onErrorText(text: string): void {
    tellErrorText(this.#exchange, this.#plan, text, this.#context);
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
    this.#preparation?.close();
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
