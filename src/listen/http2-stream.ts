// One request of a client that speaks HTTP/2, and its answer: what `http1.ts` is to an exchange, on one stream among others
// (RFC 9113 section 8). Whatever becomes of it is the stream's alone: the connection goes on. Hot: bench/h2-session.ts

import { factsOf, type FailureCode } from "../http/errors.ts";
import { Exchange } from "../http/exchange.ts";
import type { ClientSide, ExchangeOrigin, TunnelEnd } from "../http/exchange.ts";
import { priorityOf, writeAnswerFields } from "../http/h2/answer-fields.ts";
import { ErrorCode, type ErrorNumber } from "../http/h2/codes.ts";
import { readLines, writeLines } from "../http/h2/field-lines.ts";
import type { FieldSection } from "../http/h2/field-section.ts";
import { readRequest } from "../http/h2/request-fields.ts";
import type { Stream, StreamUser } from "../http/h2/stream.ts";
import { giveBackHead, takeHead } from "../http/spare-heads.ts";
import { readTrailers } from "../http/trailers.ts";
import { webSocketAccept } from "../http/websocket.ts";
import { KeptBytes } from "../lib/kept-bytes.ts";
import type { Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { ConnectionContext } from "./connection-context.ts";
import { endingMs, slowMs } from "./connection-state.ts";

/** Its connection, as the stream needs it. */
export interface StreamOwner<P> {
  readonly context: ConnectionContext<P>;
  readonly origin: ExchangeOrigin;
  /** @param isReset the client did it */
  onStreamOver(stream: ClientStream<P>, isReset: boolean): void;
}

export class ClientStream<P = unknown> implements ClientSide, StreamUser, Deadlined, Rostered {
  place = -1;
  readonly #owner: StreamOwner<P>;
  readonly #stream: Stream;
  readonly #exchange: Exchange<P>;
  /** What is wrong with the request. */
  readonly #wrong: FailureCode | undefined;
  /** The handler knows of it. */
  #isBegun = false;
  /** Of the handshake that a WebSocket's request was made to; "" = it is none. */
  readonly #key: string;
  /** Made when first needed. */
  #deadline: Deadline | null = null;
  /** Waits for the first bytes of its body, so that a head without any ends the stream itself; "" = none waits. */
  #head = "";
  /** Of the answer's body, bytes that were promised and not written yet; below 0 = more than that. */
  #left = 0;
  #isLengthKnown = false;
  /** Checked trailers of the request, until its end. */
  #trailers = "";
  #isPaused = false;
  /** Something of the request has been delivered since the last flush. */
  #isTouched = false;
  /** Nothing more of the request is taken. */
  #isRequestOver: boolean;
  /** Our side has been ended, and all of it handed to the socket. */
  #isAnswerEnded = false;
  #isSent = false;
  /** What the backend sends is not for the client. */
  #isMuted = false;
  /** Somebody waits for `onClientDrain`. */
  #isAwaited = false;
  /** Bytes that waited when that was last looked at. */
  #waiting = 0;
  /** With what the stream is reset after the answer, where the client has not ended it. */
  #resetWith: ErrorNumber = ErrorCode.NO_ERROR;
  /** Of the body, latin1, while the answer is held; null = it is not. */
  #held: string | null = null;
  /** Trailers of an end that came while it was held. */
  #heldEnd: string | null = null;
  #tunnel: TunnelEnd | null = null;
  /** For a tunnel that is not there yet. */
  #early: KeptBytes | null = null;
  /** The tunnel is over: its last bytes are on their way to the client. */
  #isEnding = false;

  /** @param section what the stream began with; only read here */
  constructor(owner: StreamOwner<P>, stream: Stream, section: FieldSection) {
    this.#owner = owner;
    this.#stream = stream;
    stream.user = this;
    const head = takeHead();
    const { isPeerEnded } = stream;
    const wrong = readRequest(head, section, isPeerEnded, owner.context.settings.limits);
    this.#wrong = wrong;
    // RFC 9113 section 8.1.1: malformed. People are told why before their program is told that it is.
    if (wrong !== undefined && factsOf(wrong).status === 400) {
      this.#resetWith = ErrorCode.PROTOCOL_ERROR;
    }
    this.#isRequestOver = wrong !== undefined || isPeerEnded || head.bodyLength === 0;
    const exchange = new Exchange<P>(this, head, owner.origin);
    exchange.isRequestComplete = this.#isRequestOver;
    this.#exchange = exchange;
    this.#key = head.isUpgrade ? (head.fields.get("sec-websocket-key") ?? "") : "";
    if (wrong !== undefined) return;
    if (!isPeerEnded && head.bodyLength >= 0 && !head.isUpgrade) {
      stream.expectedBytes = head.bodyLength;
    }
    const priority = head.fields.get("priority");
    if (priority !== undefined) stream.prioritise(priority);
  }

  /** At the end of the read that brought it, or with its body: what is reset in the same read was never begun. */
  begin(): void {
    if (this.#isBegun || this.#exchange.isDone) return;
    this.#isBegun = true;
    const { handler } = this.#owner.context;
    if (this.#wrong !== undefined) handler.refuse(this.#exchange, this.#wrong);
    else handler.begin(this.#exchange);
    this.#armBody();
  }

  get isTunnel(): boolean {
    return this.#tunnel !== null || this.#isEnding;
  }

  get failure(): FailureCode | undefined {
    return this.#exchange.failure;
  }

  // --- the request's body ------------------------------------------------------------------------

  onData(buffer: Buffer, start: number, end: number): void {
    this.begin();
    const exchange = this.#exchange;
    if (this.#tunnel !== null) this.#tunnel.onTunnelData(buffer, start, end);
    else if (exchange.request.isUpgrade) this.#stash(buffer, start, end);
    if (this.#isRequestOver) return;
    this.#isTouched = true;
    this.#armBody();
    exchange.requestBytes += end - start;
    if (exchange.maxBody > 0 && exchange.requestBytes > exchange.maxBody) {
      this.#failRequest("BODY_TOO_LARGE");
    } else {
      exchange.receiver?.onRequestData(buffer, start, end);
    }
  }

  /** A client need not wait for the answer before it writes to a tunnel; its window bounds what it can. */
  #stash(buffer: Buffer, start: number, end: number): void {
    if (this.#isMuted || this.#isAnswerEnded) return;
    (this.#early ??= new KeptBytes()).add(buffer, start, end);
    this.#stream.pause();
  }

  /** Trailers. */
  onFields(section: FieldSection): void {
    this.begin();
    if (this.#isRequestOver) return;
    const isTooLarge =
      section.isTooLarge || section.size > this.#owner.context.settings.limits.trailerBytes;
    const lines = isTooLarge ? "" : readLines(section, 0, false);
    if (isTooLarge) this.#failRequest("HEAD_TOO_LARGE");
    else if (lines === undefined) this.#failRequest("BAD_HEADER", true);
    else {
      const trailers = readTrailers(lines);
      if (trailers.kind === "bad") this.#failRequest(trailers.why, true);
      else this.#trailers = trailers.lines;
    }
  }

  onEnd(): void {
    this.begin();
    // A tunnel that is not there yet is told by `startTunnel`.
    this.#tunnel?.onTunnelEnd();
    if (this.#isRequestOver) return;
    this.#isRequestOver = true;
    this.#isTouched = true;
    const exchange = this.#exchange;
    exchange.isRequestComplete = true;
    this.#disarmBody();
    exchange.receiver?.onRequestEnd(this.#trailers);
  }

  onFlush(): void {
    if (!this.#isTouched) return;
    this.#isTouched = false;
    if (!this.#exchange.isDone) this.#exchange.receiver?.onRequestFlush();
  }

  /** The request cannot be taken to its end. @param isMalformed as RFC 9113 section 8.1.1 has it */
  #failRequest(code: FailureCode, isMalformed = false): void {
    const exchange = this.#exchange;
    this.#isRequestOver = true;
    exchange.isRequestComplete = true;
    if (isMalformed) this.#resetWith = ErrorCode.PROTOCOL_ERROR;
    if (this.#isAnswerEnded || this.#heldEnd !== null) return;
    if (exchange.receiver !== null) exchange.receiver.onRequestFailed(code);
    else this.#owner.context.handler.refuse(exchange, code);
  }

  pauseRequest(): void {
    if (this.#isRequestOver && this.#tunnel === null) return;
    this.#isPaused = true;
    this.#stream.pause();
    this.#disarmBody();
  }

  resumeRequest(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
    this.#armBody();
  }

  // --- the answer --------------------------------------------------------------------------------

  writeInterim(text: string): void {
    if (this.#exchange.isDone || this.#exchange.isHeadSent) return;
    const status = Number(text.slice(9, 12));
    this.#stream.sendFields((encoder) => writeAnswerFields(encoder, status, text), false);
  }

  writeHead(status: number, head: string, bodyLength: number): void {
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    exchange.status = status;
    exchange.isHeadSent = true;
    if (this.#key !== "" && this.#isMisunderstood(status, head)) {
      this.#refuseUpgrade(status);
      return;
    }
    this.#isLengthKnown = bodyLength >= 0 && exchange.method !== "HEAD";
    this.#left = bodyLength;
    this.#head = head;
    const priority = priorityOf(head);
    if (priority === "") return;
    // Of two members of one name the later counts (RFC 9651 section 4.2.2).
    const asked = exchange.header("priority");
    this.#stream.prioritise(asked === undefined ? priority : `${asked}, ${priority}`);
  }

  /** An answer to a WebSocket's request that a client of HTTP/2 would take for the beginning of one, and is none. */
  #isMisunderstood(status: number, head: string): boolean {
    if (status !== 101) return status >= 200 && status < 300;
    const accept = /\r\nsec-websocket-accept:[ \t]*(\S*)/i.exec(head)?.[1];
    return accept !== webSocketAccept(this.#key);
  }

  #refuseUpgrade(status: number): void {
    const exchange = this.#exchange;
    exchange.status = factsOf("BAD_RESPONSE").status;
    exchange.failure ??= "BAD_RESPONSE";
    this.#isMuted = true;
    this.#isAnswerEnded = true;
    const head = "\r\nContent-Length: 0\r\n";
    this.#stream.sendFields((to) => writeAnswerFields(to, exchange.status, head), true);
    // A backend that believes in a tunnel has `startTunnel` end it.
    if (status !== 101) exchange.receiver?.onRequestFailed("CLIENT_CLOSED");
  }

  #sendHead(isEnd: boolean): void {
    const head = this.#head;
    this.#head = "";
    const { status } = this.#exchange;
    // RFC 8441 section 5: a tunnel begins with 200, and nobody has asked for a proof.
    const isTunnel = status === 101;
    const shown = isTunnel ? 200 : status;
    const dropped = isTunnel ? "sec-websocket-accept" : "";
    this.#stream.sendFields((to) => writeAnswerFields(to, shown, head, dropped), isEnd);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    if (!this.#isWriting(end - start)) return;
    if (this.#held === null) this.#stream.sendData(buffer, start, end);
    else this.#held += buffer.latin1Slice(start, end);
  }

  writeText(text: string): void {
    if (!this.#isWriting(text.length)) return;
    if (this.#held === null) this.#stream.sendText(text);
    else this.#held += text;
  }

  /** So many bytes are about to be written; false = there are none, or nobody to write them to. */
  #isWriting(bytes: number): boolean {
    if (bytes === 0 || this.#isMuted || this.#exchange.isDone) return false;
    this.#exchange.bodyBytes += bytes;
    this.#left -= bytes;
    if (this.#head !== "" && this.#held === null) this.#sendHead(false);
    return true;
  }

  endAnswer(trailers: string): void {
    const exchange = this.#exchange;
    if (exchange.isDone || this.#isAnswerEnded) return;
    if (this.#held !== null) {
      this.#heldEnd = trailers;
      return;
    }
    if (this.#isLengthKnown && this.#left !== 0) {
      exchange.failure ??= "INTERNAL";
      this.abort();
      return;
    }
    this.#isAnswerEnded = true;
    if (this.#resetWith === ErrorCode.PROTOCOL_ERROR) {
      if (this.#head !== "") this.#sendHead(false);
      this.#stream.reset(ErrorCode.PROTOCOL_ERROR);
      this.#finish();
      return;
    }
    this.#sendEnd(trailers);
    if (!exchange.isDone) this.#armWriting();
  }

  #sendEnd(trailers: string): void {
    if (this.#head !== "") this.#sendHead(trailers === "");
    else if (trailers === "") this.#stream.sendEnd();
    if (trailers === "") return;
    this.#stream.sendFields((encoder) => writeLines(encoder, trailers, 0, trailers.length), true);
  }

  flush(): boolean {
    if (this.#exchange.isDone) return true;
    if (this.#held !== null) {
      this.#isAwaited = true;
      return false;
    }
    if (this.#head !== "") this.#sendHead(false);
    if (!this.#stream.isBacklogged) return true;
    this.#isAwaited = true;
    this.#armWriting();
    return false;
  }

  onWritable(): void {
    if (!this.#isAwaited || this.#held !== null || this.#exchange.isDone) return;
    this.#isAwaited = false;
    if (this.#isAnswerEnded) return;
    this.#disarm();
    if (this.#tunnel !== null) this.#tunnel.onTunnelDrain();
    else (this.#exchange.filtered ?? this.#exchange.sink)?.onClientDrain();
    this.#armBody();
  }

  hold(isHeld: boolean): void {
    if (isHeld) {
      this.#held ??= "";
      return;
    }
    const held = this.#held;
    if (held === null || this.#exchange.isDone) return;
    this.#held = null;
    const end = this.#heldEnd;
    if (held !== "") {
      if (this.#head !== "") this.#sendHead(false);
      this.#stream.sendText(held);
    }
    if (end !== null) this.endAnswer(end);
    else if (!this.#stream.isBacklogged) this.onWritable();
  }

  /** The others on its connection go on. What is not wanted of this request is dropped where its answer ends. */
  closeAfterAnswer(): void {}

  onSent(): void {
    this.#isSent = true;
    if (this.#tunnel === null && this.#isAnswerEnded) this.#settle();
  }

  /** The answer is out. RFC 9113 section 8.1: what is left of the request is not asked for. */
  #settle(): void {
    if (!this.#stream.isPeerEnded) this.#stream.reset(this.#resetWith);
    this.#finish();
  }

  #finish(isReset = false): void {
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    exchange.isDone = true;
    exchange.sink = null;
    this.#early = null;
    this.#held = null;
    const { context } = this.#owner;
    if (this.#deadline !== null) context.wheel.release(this.#deadline);
    if (this.#isBegun) context.handler.end(exchange);
    giveBackHead(exchange.request);
    this.#owner.onStreamOver(this, isReset);
  }

  // --- tunnels -----------------------------------------------------------------------------------

  startTunnel(tunnel: TunnelEnd): void {
    if (this.#exchange.isDone || this.#isMuted) {
      tunnel.onTunnelClosed();
      return;
    }
    this.flush();
    this.#tunnel = tunnel;
    this.#disarm();
    const early = this.#early;
    this.#early = null;
    if (early !== null) tunnel.onTunnelData(early.bytes, 0, early.length);
    if (!this.#isPaused) this.#stream.resume();
    if (this.#stream.isPeerEnded) tunnel.onTunnelEnd();
  }

  endTunnel(): void {
    this.flush();
    if (this.#isAnswerEnded) return;
    this.#isAnswerEnded = true;
    this.#stream.sendEnd();
  }

  finishTunnel(): void {
    this.#tunnel = null;
    this.#isEnding = true;
    this.endTunnel();
    if (this.#isSent) this.#settle();
    else if (!this.#exchange.isDone) this.#arm(endingMs);
  }

  // --- endings -----------------------------------------------------------------------------------

  onReset(): void {
    this.#gone("CLIENT_CLOSED", true);
  }

  /** The client is no longer there, or treated so. */
  #gone(code: FailureCode, isReset = false): void {
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    exchange.failure ??= code;
    if (!exchange.isHeadSent) exchange.status = factsOf(code).status;
    const tunnel = this.#tunnel;
    this.#tunnel = null;
    this.#stream.reset(ErrorCode.CANCEL);
    tunnel?.onTunnelClosed();
    exchange.receiver?.onRequestFailed(code);
    this.#finish(isReset);
  }

  /** Ends it whatever it carries, since the program ends, or an operator wants it. */
  cut(): void {
    if (this.#isEnding) this.abort();
    else this.#gone("SHUT_DOWN");
  }

  abort(): void {
    const exchange = this.#exchange;
    if (exchange.isDone) return;
    // What was answered so far goes out.
    this.#heldEnd = null;
    this.hold(false);
    if (exchange.isHeadSent && this.#head !== "") this.#sendHead(false);
    this.#stream.reset(ErrorCode.INTERNAL_ERROR);
    this.#finish();
  }

  // --- deadlines ---------------------------------------------------------------------------------

  #arm(ms: number): void {
    this.#deadline ??= new Deadline(this);
    this.#owner.context.wheel.arm(this.#deadline, ms);
  }

  #disarm(): void {
    if (this.#deadline !== null) this.#owner.context.wheel.disarm(this.#deadline);
  }

  /** For the next bytes of the body; the client that does not read is looked at first. */
  #armBody(): void {
    const isWaitedFor = !this.#isRequestOver && !this.#isPaused && !this.#exchange.isDone;
    if (isWaitedFor && !this.#isAwaited && !this.#isAnswerEnded)
      this.#arm(this.#exchange.bodyTimeout);
  }

  #disarmBody(): void {
    if (!this.#isAwaited && !this.#isAnswerEnded) this.#disarm();
  }

  #armWriting(): void {
    this.#waiting = this.#stream.waitingBytes;
    // Without a route nobody has said how long it may take.
    this.#arm(this.#exchange.plan === undefined ? slowMs : this.#exchange.bodyTimeout);
  }

  onDeadline(): void {
    if (this.#isAwaited || this.#isAnswerEnded) {
      const hasMoved = this.#stream.waitingBytes < this.#waiting;
      if (hasMoved) this.#armWriting();
      else if (this.#isEnding) this.abort();
      else {
        this.#exchange.failure = "CLIENT_STALLED";
        this.#gone("CLIENT_STALLED");
      }
    } else if (!this.#isRequestOver && !this.#isPaused) {
      this.#failRequest("BODY_TIMEOUT");
    }
  }
}
