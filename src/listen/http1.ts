// One client connection that speaks HTTP/1.x: bytes in, exchanges handed to the proxy one at a time,
// answers out in the same order. Pipelined bytes wait, with the socket paused, until the exchange before
// them is over. Hot: bench/head.ts
// A client that closes its half of the connection while an exchange runs counts as gone: there is no
// telling a half-close from a client that went away, and backends should not work for nobody.

import type { Socket } from "node:net";

import { AnswerWriter } from "../http/answer-writer.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import { Exchange } from "../http/exchange.ts";
import type { ClientSide, ExchangeOrigin, TunnelEnd } from "../http/exchange.ts";
import { HeadReader } from "../http/head-reader.ts";
import { Pause, Reading } from "../http/reading.ts";
import { RequestBody } from "../http/request-body.ts";
import type { RequestHead } from "../http/request-head.ts";
import { giveBackHead, takeHead } from "../http/spare-heads.ts";
import { Writer } from "../http/writer.ts";
import { breakOff } from "../lib/break-off.ts";
import type { Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { ConnectionContext, ConnectionSettings } from "./connection-context.ts";
import { type ConnectionState, endingMs, lingerBytes, lingerMs } from "./connection-state.ts";
import { slowMs, State } from "./connection-state.ts";

export class Connection<P = unknown> implements ClientSide, Deadlined, Rostered {
  readonly #socket: Socket;
  readonly #context: ConnectionContext<P>;
  readonly origin: ExchangeOrigin;
  place = -1;
  readonly #writer: Writer;
  readonly #answer: AnswerWriter;
  readonly #reading: Reading;
  readonly #deadline: Deadline;
  #state: ConnectionState = State.HEAD;
  #exchange: Exchange<P> | null = null;
  readonly #heads = new HeadReader();
  /** Received, but belonging to what comes after the running exchange. */
  #pending: Buffer | null = null;
  #body: RequestBody | null = null;
  #lingerLeft = lingerBytes;
  #isKept = true;
  /** The client sent what cannot be read, and may go on. */
  #isBroken = false;
  #isAnswerEnded = false;
  #isReading = false;
  #tunnel: TunnelEnd | null = null;
  readonly #onEmpty = () => this.onDrain();

  constructor(socket: Socket, context: ConnectionContext<P>, origin: ExchangeOrigin) {
    this.#socket = socket;
    this.#context = context;
    this.origin = origin;
    this.#writer = new Writer(socket);
    this.#answer = new AnswerWriter(this.#writer);
    this.#reading = new Reading(socket);
    this.#deadline = new Deadline(this);
    context.wheel.arm(this.#deadline, context.settings.headTimeout);
  }

  /** Nothing of a request has come since the last one was answered. */
  get isIdle(): boolean {
    return this.#state === State.HEAD && this.#heads.isEmpty;
  }

  get isTunnel(): boolean {
    return this.#state === State.TUNNEL || this.#state === State.ENDING;
  }

  // --- bytes from the client -------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    switch (this.#state) {
      case State.HEAD:
        this.#readRequests(buffer, start, end);
        break;
      case State.BODY: {
        const at = this.#readBody(buffer, start, end);
        this.#exchange?.receiver?.onRequestFlush();
        if (at < end) this.onBytes(buffer, at, end);
        break;
      }
      case State.ANSWER:
        this.#stash(buffer, start, end);
        break;
      case State.LINGER:
        this.#lingerLeft -= end - start;
        if (this.#lingerLeft < 0) this.abort();
        break;
      case State.TUNNEL:
        this.#tunnel?.onTunnelData(buffer, start, end);
        break;
      default:
        break;
    }
  }

  /** Reads heads, and the bodies behind them, for as long as exchanges end at once. */
  #readRequests(buffer: Buffer, start: number, end: number): void {
    let at = start;
    this.#isReading = true;
    while (at < end && this.#state === State.HEAD) {
      const bodyStart = this.#readHead(buffer, at, end);
      if (bodyStart < 0) break;
      at = bodyStart;
      if (this.#stateNow() === State.BODY) {
        at = this.#readBody(buffer, at, end);
        this.#exchange?.receiver?.onRequestFlush();
      }
    }
    this.#isReading = false;
    if (at < end && this.#stateNow() === State.ANSWER) this.#stash(buffer, at, end);
  }

  /** The state, for the type checker: calls in between may have changed it. */
  #stateNow(): ConnectionState {
    return this.#state;
  }

  /** Keeps pipelined bytes and stops reading: the client may send the next request, but not a flood. */
  #stash(buffer: Buffer, start: number, end: number): void {
    const piece = buffer.subarray(start, end);
    this.#pending =
      this.#pending === null ? Buffer.from(piece) : Buffer.concat([this.#pending, piece]);
    this.#reading.pause(Pause.PIPELINE);
  }

  /** Reads one head; returns where its body starts in the buffer, -1 when it is not complete. */
  #readHead(buffer: Buffer, start: number, end: number): number {
    const { settings, wheel } = this.#context;
    const heads = this.#heads;
    const isFirst = heads.isEmpty;
    const after = heads.read(buffer, start, end, settings.limits);
    if (typeof after === "string") {
      this.#refuse(after, heads.text);
      return -1;
    }
    if (after < 0) {
      if (isFirst) wheel.arm(this.#deadline, settings.headTimeout);
      return -1;
    }
    this.#onHead(heads.text, heads.end, settings.limits);
    return after;
  }

  /** A complete head stands in text[0, end). */
  #onHead(text: string, end: number, limits: ConnectionSettings["limits"]): void {
    const head = takeHead();
    const wrong = head.read(text, 0, end, limits);
    this.#heads.text = "";
    const exchange = this.#beginExchange(head);
    if (wrong !== undefined) {
      this.#breakOff();
      exchange.isRequestComplete = true;
      this.#context.handler.refuse(exchange, wrong);
      return;
    }
    this.#isKept = head.isPersistent && !this.#context.isDraining;
    if (head.bodyLength === 0) {
      this.#state = State.ANSWER;
      exchange.isRequestComplete = true;
    } else {
      this.#state = State.BODY;
      this.#body ??= new RequestBody(limits.trailerBytes);
      this.#body.begin(head.bodyLength);
    }
    this.#context.handler.begin(exchange);
    if (this.#stateNow() === State.BODY) this.#armBody();
  }

  /** Answers what is no proper request; nothing more is read afterwards. */
  #refuse(code: FailureCode, received: string): void {
    this.#heads.clear();
    const head = takeHead();
    head.clear(received);
    const exchange = this.#beginExchange(head);
    exchange.isRequestComplete = true;
    this.#breakOff();
    this.#context.handler.refuse(exchange, code);
  }

  /** Nothing more is read as a request: where the next one would begin is unknown. */
  #breakOff(): void {
    this.#isKept = false;
    this.#isBroken = true;
    this.#state = State.ANSWER;
  }

  #beginExchange(head: RequestHead): Exchange<P> {
    const exchange = new Exchange<P>(this, head, this.origin);
    this.#exchange = exchange;
    this.#isAnswerEnded = false;
    this.#context.wheel.disarm(this.#deadline);
    return exchange;
  }

  // --- request bodies --------------------------------------------------------------------------

  #armBody(): void {
    if (!this.#reading.isPaused)
      this.#context.wheel.arm(this.#deadline, this.#exchange?.bodyTimeout ?? 0);
  }

  /** Reads body bytes; returns where the body ended, or `end`. */
  #readBody(buffer: Buffer, start: number, end: number): number {
    const exchange = this.#exchange;
    const body = this.#body;
    if (exchange === null || body === null) return end;
    this.#armBody();
    const outcome = body.read(exchange, buffer, start, end);
    if (outcome === "more" || this.#stateNow() !== State.BODY) return end;
    if (outcome === "done") {
      this.#endRequest(exchange, body.trailers);
      return body.position;
    }
    this.#failRequest(exchange, outcome);
    return end;
  }

  #endRequest(exchange: Exchange<P>, trailers: string): void {
    this.#context.wheel.disarm(this.#deadline);
    exchange.isRequestComplete = true;
    this.#state = State.ANSWER;
    exchange.receiver?.onRequestEnd(trailers);
    if (this.#isSettled && this.#stateNow() === State.ANSWER) this.#settle();
  }

  /** The body cannot be read to its end: where it would end is unknown, so the connection goes too. */
  #failRequest(exchange: Exchange<P>, code: FailureCode): void {
    this.#breakOff();
    exchange.isRequestComplete = true;
    if (this.#isAnswerEnded) {
      if (this.#isSettled) this.#settle();
    } else if (exchange.receiver !== null) {
      exchange.receiver.onRequestFailed(code);
    } else {
      this.#context.handler.refuse(exchange, code);
    }
  }

  // --- the answer ------------------------------------------------------------------------------

  writeInterim(text: string): void {
    this.#writer.text(text);
    this.flush();
  }

  writeHead(status: number, head: string, bodyLength: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    exchange.status = status;
    exchange.isHeadSent = true;
    // The end of this request is not known to come: do not promise another one behind it.
    if (!exchange.isRequestComplete || this.#context.isDraining) this.#isKept = false;
    this.#isKept = this.#answer.head(
      status,
      head,
      bodyLength,
      exchange.request.minor,
      this.#isKept,
    );
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    const sent = this.#answer.data(buffer, start, end);
    if (this.#exchange !== null) this.#exchange.bodyBytes += sent;
  }

  writeText(text: string): void {
    if (text === "") return;
    const sent = this.#answer.text(text);
    if (this.#exchange !== null) this.#exchange.bodyBytes += sent;
  }

  endAnswer(trailers: string): void {
    const sent = this.#answer.end(trailers);
    if (this.#exchange !== null) this.#exchange.bodyBytes += sent;
    this.#isAnswerEnded = true;
    if (this.#writer.flushAll(this.#onEmpty, this.#isKept)) this.#settle();
    else this.#context.wheel.arm(this.#deadline, this.#exchange?.bodyTimeout ?? lingerMs);
  }

  flush(): boolean {
    if (this.#state === State.CLOSED || this.#writer.flush()) return true;
    this.#context.wheel.arm(this.#deadline, this.#exchange?.bodyTimeout ?? lingerMs);
    return false;
  }

  onDrain(): void {
    if (!this.#writer.isBlocked || this.#writer.isHeld || this.#state === State.CLOSED) return;
    this.#writer.isBlocked = false;
    this.#context.wheel.disarm(this.#deadline);
    if (this.#state === State.TUNNEL) this.#tunnel?.onTunnelDrain();
    else if (this.#isAnswerEnded) this.#settle();
    else (this.#exchange?.filtered ?? this.#exchange?.sink)?.onClientDrain();
    if (this.#state === State.BODY) this.#armBody();
  }

  hold(isHeld: boolean): void {
    if (this.#writer.hold(isHeld, this.#isAnswerEnded ? this.#onEmpty : undefined)) this.onDrain();
  }

  closeAfterAnswer(): void {
    this.#isKept = false;
  }

  /** The answer is complete and the kernel has all of it. */
  get #isSettled(): boolean {
    return this.#isAnswerEnded && !this.#writer.isBlocked;
  }

  /** Ends the exchange, unless its request goes on. */
  #settle(): void {
    const exchange = this.#exchange;
    if (exchange === null || this.#state === State.CLOSED) return;
    this.#finish(exchange);
    if (!this.#isKept || !exchange.isRequestComplete) {
      // Closing is a FIN too, without a system call and a turn of the loop more; but not with TLS, and not
      // with bytes unread, where it would reset the answer: only who asked for the end sends nothing more.
      const isWhole = exchange.isRequestComplete && !this.#isBroken && this.#pending === null;
      const isOver = isWhole && !this.origin.isSecure;
      if (isOver && !exchange.request.isPersistent) this.#close();
      else this.#linger();
      return;
    }
    this.#state = State.HEAD;
    this.#context.wheel.arm(this.#deadline, this.#context.settings.idleTimeout);
    if (!this.#isReading) this.#readPending();
  }

  /** Goes on with pipelined bytes. */
  #readPending(): void {
    while (this.#pending !== null && this.#state === State.HEAD) {
      const pending = this.#pending;
      this.#pending = null;
      this.#readRequests(pending, 0, pending.length);
    }
    if (this.#pending !== null || this.#stateNow() === State.CLOSED) return;
    this.#reading.resume(Pause.PIPELINE);
    // A request whose body is still coming was read from what had been kept.
    if (this.#stateNow() === State.BODY) this.#armBody();
  }

  #finish(exchange: Exchange<P>): void {
    if (exchange.isDone) return;
    exchange.isDone = true;
    exchange.sink = null;
    this.#exchange = null;
    this.#reading.resume(Pause.SINK);
    this.#context.handler.end(exchange);
    giveBackHead(exchange.request);
  }

  /** Sends our FIN and reads on: a reset, the answer to bytes that still come, would eat our answer. */
  #linger(wait = lingerMs): void {
    this.#state = State.LINGER;
    this.#pending = null;
    this.#socket.end();
    this.#context.wheel.arm(this.#deadline, wait);
    this.#reading.resumeAll();
  }

  pauseRequest(): void {
    if (this.#state !== State.BODY && this.#state !== State.TUNNEL) return;
    this.#reading.pause(Pause.SINK);
    if (this.#state === State.BODY && !this.#writer.isBlocked) {
      this.#context.wheel.disarm(this.#deadline);
    }
  }

  resumeRequest(): void {
    this.#reading.resume(Pause.SINK);
    if (this.#state === State.BODY) this.#armBody();
  }

  startTunnel(tunnel: TunnelEnd): void {
    this.flush();
    this.#state = State.TUNNEL;
    this.#tunnel = tunnel;
    this.#context.wheel.disarm(this.#deadline);
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) tunnel.onTunnelData(pending, 0, pending.length);
    this.#reading.resume(Pause.PIPELINE);
  }

  // --- ending ----------------------------------------------------------------------------------

  /** The client sends no more. */
  onEnd(): void {
    switch (this.#state) {
      case State.TUNNEL:
        this.#tunnel?.onTunnelEnd();
        break;
      case State.BODY:
      case State.ANSWER:
        this.#gone("CLIENT_CLOSED");
        break;
      case State.ENDING:
        break;
      default:
        this.abort();
    }
  }

  onClosed(): void {
    if (this.#state !== State.CLOSED) this.cut("CLIENT_CLOSED");
  }

  /** The client is no longer there, or treated so. */
  #gone(code: FailureCode): void {
    const exchange = this.#exchange;
    const tunnel = this.#tunnel;
    this.#close();
    if (tunnel !== null) tunnel.onTunnelClosed();
    if (exchange === null || exchange.isDone) return;
    exchange.failure ??= code;
    if (!exchange.isHeadSent) exchange.status = factsOf(code).status;
    exchange.receiver?.onRequestFailed(code);
    this.#finish(exchange);
  }

  /** Ends it whatever runs, since the program ends or the listener is gone. */
  cut(code: FailureCode = "SHUT_DOWN"): void {
    if (this.#exchange === null || this.#state === State.ENDING) this.abort();
    else this.#gone(code);
  }

  abort(): void {
    const exchange = this.#exchange;
    // What was answered so far goes out, however the bytes were cut on their way to us.
    if (exchange?.isHeadSent) this.#writer.hold(false);
    // Where the end of the answer is the end of the connection, a FIN would say that it is complete.
    if (this.#answer.isCloseDelimited && !this.#isAnswerEnded) breakOff(this.#socket);
    this.#close();
    if (exchange !== null) this.#finish(exchange);
  }

  endTunnel(): void {
    this.flush();
    this.#socket.end();
  }

  finishTunnel(): void {
    this.#writer.flush();
    this.#tunnel = null;
    this.#state = State.ENDING;
    this.#socket.destroySoon();
    this.#context.wheel.arm(this.#deadline, endingMs);
  }

  #close(): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#pending = null;
    this.#heads.clear();
    this.#tunnel = null;
    this.#context.wheel.release(this.#deadline);
    this.#socket.destroy();
    this.#context.onClosed(this);
  }

  /** Between requests: close now. In a request: after it. Tunnels go on. */
  drain(): void {
    if (!this.isIdle) this.#isKept = false;
    // What was answered last may still be on its way.
    else if (this.#writer.isWaiting()) this.#linger(slowMs);
    else this.abort();
  }

  onDeadline(): void {
    if (this.#writer.isStuck && this.#exchange !== null && this.#state !== State.ENDING) {
      if (this.#writer.hasMoved()) {
        this.#context.wheel.arm(this.#deadline, this.#exchange.bodyTimeout);
      } else {
        this.#exchange.failure = "CLIENT_STALLED";
        this.#gone("CLIENT_STALLED");
      }
      return;
    }
    switch (this.#state) {
      case State.HEAD:
        if (this.#heads.isEmpty) this.drain();
        else this.#refuse("HEAD_TIMEOUT", this.#heads.takePartial());
        break;
      case State.BODY:
        if (this.#exchange !== null) this.#failRequest(this.#exchange, "BODY_TIMEOUT");
        break;
      case State.LINGER:
      case State.ENDING:
        if (this.#writer.hasMoved()) this.#context.wheel.arm(this.#deadline, endingMs);
        else this.abort();
        break;
      default:
        break;
    }
  }
}
