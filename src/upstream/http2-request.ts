// One request to a backend on a stream of HTTP/2, as whoever makes it sees a connection: others run beside it, and what becomes of
// it touches none of them. Used again for the next one once its answer is complete. Hot: bench/h2-session.ts

import { http2BackendLimits as bounds } from "../config/http2-backend-limits.ts";
import type { FailureCode } from "../http/errors.ts";
import { ErrorCode, type ErrorNumber } from "../http/h2/codes.ts";
import type { FieldSection } from "../http/h2/field-section.ts";
import { readAnswer, readAnswerTrailers } from "../http/h2/response-fields.ts";
import { expectedAccept } from "../http/h2/sent-request.ts";
import type { Stream, StreamUser } from "../http/h2/stream.ts";
import { writeLines } from "../http/h2/field-lines.ts";
import { ResponseHead } from "../http/response-head.ts";
import type { Rostered } from "../lib/roster.ts";
import { Deadline, type Deadlined } from "../lib/wheel.ts";
import type { BackendConnection, ResponseSink } from "./backend-connection.ts";
import type { Http2Link } from "./http2-link.ts";
import type { SocketUser } from "./pooled.ts";

/**
 * FREE: nobody has begun it. WAITING: its head leaves with what comes next, or once the backend's settings are known. ENDING: a
 * tunnel whose last bytes are on their way.
 */
const State = { FREE: 0, WAITING: 1, HEAD: 2, BODY: 3, TUNNEL: 4, ENDING: 5, OVER: 6 } as const;

export class Http2Request implements BackendConnection, StreamUser, Deadlined, Rostered {
  readonly address: string;
  /** Among those that run on its connection. */
  place = -1;
  idleSince = 0;
  readonly #link: Http2Link;
  readonly #deadline = new Deadline(this);
  readonly #answer = new ResponseHead();
  #state: (typeof State)[keyof typeof State] = State.FREE;
  #sink: ResponseSink | null = null;
  #stream: Stream | null = null;
  /** As HTTP/1.1 has it; "" once it was sent. */
  #head = "";
  #isHeadRequest = false;
  /** `Sec-WebSocket-Accept` for the client of a WebSocket; "" = it is none. */
  #accept = "";
  #isRequestSent = false;
  #isBlocked = false;
  #isPaused = false;
  #interims = 0;
  #trailers = "";
  #responseTimeout = 0;
  #bodyTimeout = 0;
  /** What a deadline means just now. */
  #deadlineCode: FailureCode = "RESPONSE_TIMEOUT";
  /** Since when, on the wheel's clock. */
  #expectedAt = 0;

  constructor(link: Http2Link) {
    this.#link = link;
    this.address = link.options.address;
  }

  get socketUser(): SocketUser {
    return this.#link;
  }

  get isOpen(): boolean {
    return this.#state !== State.OVER && !this.#link.isClosed;
  }

  /** A place on a connection that has answered before: it may turn out dead, as any that was used. */
  get served(): number {
    return this.#link.served;
  }

  // --- the request -----------------------------------------------------------------------------

  begin(
    sink: ResponseSink,
    head: string,
    method: string,
    isUpgrade: boolean,
    responseTimeout: number,
    bodyTimeout: number,
  ): void {
    this.#sink = sink;
    this.#state = State.WAITING;
    this.#head = head;
    this.#isHeadRequest = method === "HEAD";
    this.#accept = isUpgrade ? expectedAccept(head) : "";
    this.#isRequestSent = false;
    this.#isBlocked = false;
    this.#isPaused = false;
    this.#interims = 0;
    this.#trailers = "";
    this.#responseTimeout = responseTimeout;
    this.#bodyTimeout = bodyTimeout;
    this.#link.enter(this);
  }

  grant(responseTimeout: number): void {
    this.#responseTimeout = responseTimeout;
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    this.#open(false);
    this.#stream?.sendData(buffer, start, end);
  }

  endRequest(trailers: string): void {
    this.#isRequestSent = true;
    if (this.#state === State.WAITING && trailers === "") {
      this.#open(true);
    } else {
      this.#open(false);
      if (trailers === "") this.#stream?.sendEnd();
      else this.#stream?.sendFields((to) => writeLines(to, trailers, 0, trailers.length), true);
    }
    if (this.#state === State.BODY) this.#expectBody();
    else if (this.#state === State.WAITING || this.#state === State.HEAD) {
      this.#expect("RESPONSE_TIMEOUT", this.#responseTimeout);
    }
  }

  flush(): boolean {
    this.#open(false);
    const stream = this.#stream;
    if (stream === null) return true;
    this.#isBlocked = stream.isBacklogged;
    if (this.#isRequestSent) return !this.#isBlocked;
    // As over HTTP/1.1: a backend that takes nothing of a body is as late as one that does not answer.
    if (this.#state === State.BODY) this.#expectBody();
    else if (this.#isBlocked) this.#expect("RESPONSE_TIMEOUT", this.#responseTimeout);
    return !this.#isBlocked;
  }

  /** Sends the head, if that has not been done. @param isEnd nothing follows it */
  #open(isEnd: boolean): void {
    if (this.#state !== State.WAITING || this.#head === "") return;
    // Whether a WebSocket can be asked for is said by the backend's settings.
    if (this.#accept !== "" && !this.#link.isSettled) return;
    if (this.#accept !== "" && !this.#link.isConnectAllowed) {
      this.#failSoon("UPGRADE_UNSUPPORTED");
      return;
    }
    const head = this.#head;
    this.#head = "";
    const isWebSocket = this.#accept !== "";
    const stream = this.#link.request(this, head, isWebSocket, isEnd && !isWebSocket);
    if (stream === undefined) {
      this.#failSoon("STREAM_REFUSED");
      return;
    }
    this.#state = State.HEAD;
    this.#stream = stream;
  }

  /** The backend's settings are known. */
  onSettled(): void {
    if (this.#accept !== "") this.#open(false);
  }

  /** Whoever began it is told in the next turn, as of anything else that comes of it. */
  #failSoon(code: FailureCode): void {
    this.#head = "";
    const sink = this.#sink;
    queueMicrotask(() => {
      if (this.#sink === sink && this.#state === State.WAITING) this.#fail(code);
    });
  }

  onWritable(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    // It may be waited for in the middle of its answer: that goes on.
    if (this.#state === State.BODY) this.#expectBody();
    else if (!this.#isRequestSent) this.#link.wheel.disarm(this.#deadline);
    this.#sink?.onUpstreamDrain();
  }

  onSent(): void {
    if (this.#state === State.ENDING) this.#over();
  }

  #expectBody(): void {
    if (!this.#isPaused) this.#expect("RESPONSE_BODY_TIMEOUT", this.#bodyTimeout);
  }

  #expect(code: FailureCode, ms: number): void {
    this.#deadlineCode = code;
    this.#expectedAt = this.#link.wheel.now;
    this.#link.wheel.arm(this.#deadline, ms);
  }

  // --- the answer ------------------------------------------------------------------------------

  onFields(section: FieldSection, isEnd: boolean): void {
    this.#link.onAnswer();
    if (this.#state === State.HEAD) {
      this.#readHead(section, isEnd);
    } else if (this.#state === State.BODY) {
      const { trailerBytes } = this.#link.options.limits;
      const trailers = isEnd ? readAnswerTrailers(section, trailerBytes) : undefined;
      if (trailers === undefined) this.#break("BAD_RESPONSE", "its trailers are malformed");
      else this.#trailers = trailers;
    } else if (this.#state === State.TUNNEL) {
      this.onReset(ErrorCode.PROTOCOL_ERROR);
    }
  }

  #readHead(section: FieldSection, isEnd: boolean): void {
    const head = this.#answer;
    const { headerCount } = this.#link.options.limits;
    const form = { isHead: this.#isHeadRequest, accept: this.#accept, headerCount };
    const wrong = readAnswer(section, head, form, isEnd);
    if (wrong !== undefined) return this.#break(wrong, "");
    if (head.status === 101) return this.#startTunnel(head);
    if (head.status < 200) {
      if (++this.#interims > bounds.interims) this.#break("BAD_RESPONSE", "");
      else this.#sink?.onInterim(head);
      return;
    }
    this.#state = State.BODY;
    if (this.#stream !== null && head.bodyLength >= 0) this.#stream.expectedBytes = head.bodyLength;
    if (isEnd) this.#link.wheel.disarm(this.#deadline);
    else this.#expectBody();
    this.#sink?.onResponseHead(head);
  }

  #startTunnel(head: ResponseHead): void {
    this.#state = State.TUNNEL;
    this.#link.wheel.disarm(this.#deadline);
    this.#sink?.onResponseHead(head);
  }

  onData(buffer: Buffer, start: number, end: number): void {
    this.#link.onAnswer();
    if (this.#state === State.BODY) {
      this.#expectBody();
      this.#sink?.onResponseData(buffer, start, end);
    } else if (this.#state === State.TUNNEL) {
      this.#sink?.onBackendData(buffer, start, end);
    } else if (this.#state === State.HEAD) {
      this.#break("BAD_RESPONSE", "its body comes before its head");
    }
  }

  onFlush(): void {
    if (this.#state !== State.ENDING) this.#sink?.onResponseFlush();
  }

  onEnd(): void {
    if (this.#state === State.TUNNEL) {
      this.#sink?.onBackendEnd();
    } else if (this.#state === State.BODY) {
      const sink = this.#sink;
      const trailers = this.#trailers;
      // Who calls back meanwhile finds it used up.
      this.#sink = null;
      this.#link.served++;
      sink?.onResponseEnd(trailers);
      sink?.onResponseFlush();
      this.#settle();
    } else if (this.#state === State.HEAD) {
      this.#break("BAD_RESPONSE", "it ends without an answer");
    }
  }

  /** The answer is complete: free for the next request. */
  #settle(): void {
    if (this.#state !== State.BODY) return;
    const stream = this.#stream;
    this.#detach();
    // The rest of a request that has its answer is of no use to anybody (RFC 9113 section 8.1).
    if (stream?.isSent === false) stream.reset(ErrorCode.CANCEL);
    this.#state = State.FREE;
    this.#link.wheel.disarm(this.#deadline);
    this.#link.leave(this, true);
  }

  /** The backend refused our certificate, and with it all that was sent. */
  onRefused(why: string): void {
    if (this.#state === State.WAITING || this.#state === State.HEAD) this.#fail("TLS_FAILED", why);
  }

  onReset(code: ErrorNumber, isUntouched = false): void {
    const state = this.#state;
    if (state === State.ENDING) return this.#over();
    if (state === State.TUNNEL) {
      const sink = this.#sink;
      this.#over();
      sink?.onBackendClosed();
      return;
    }
    if (isUntouched) this.#link.onRefusal(code);
    const why = this.#link.causeOf(code);
    if (code === ErrorCode.HTTP_1_1_REQUIRED && state === State.HEAD)
      this.#fail("VERSION_REFUSED", why);
    else if (isUntouched && state === State.HEAD) this.#fail("STREAM_REFUSED", why);
    else if (state === State.BODY) this.#fail("UPSTREAM_TRUNCATED", why);
    else this.#fail(this.#link.isLost ? "UPSTREAM_CLOSED" : "STREAM_RESET", why);
  }

  /** What came is no answer. */
  #break(code: FailureCode, cause: string): void {
    this.#stream?.reset(ErrorCode.PROTOCOL_ERROR);
    this.#fail(this.#state === State.BODY ? "UPSTREAM_TRUNCATED" : code, cause);
  }

  #fail(code: FailureCode, cause = ""): void {
    const sink = this.#sink;
    this.#over();
    sink?.onResponseFailed(code, cause);
  }

  onDeadline(): void {
    if (this.#state === State.ENDING) return this.destroy();
    if (this.#state === State.OVER || this.#state === State.FREE) return;
    this.#stream?.reset(ErrorCode.CANCEL);
    this.#link.onLate(this.#expectedAt);
    this.#fail(this.#deadlineCode);
  }

  // --- pausing, tunnels, ending ----------------------------------------------------------------

  pause(): void {
    if (this.#isPaused || this.#stream === null) return;
    this.#isPaused = true;
    // The backend is not late while we do not read.
    if (this.#state === State.BODY) this.#link.wheel.disarm(this.#deadline);
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#stream === null) return;
    this.#isPaused = false;
    if (this.#state === State.BODY) this.#expectBody();
    this.#stream.resume();
  }

  endTunnel(): void {
    this.#stream?.sendEnd();
  }

  /** Ends a tunnel once what was written has been delivered, or it takes too long. */
  destroySoon(): void {
    const stream = this.#stream;
    if (this.#state !== State.TUNNEL || stream === null) return this.destroy();
    this.#sink = null;
    this.#state = State.ENDING;
    stream.resume();
    stream.sendEnd();
    if (stream.isClosed) this.#over();
    else this.#link.wheel.arm(this.#deadline, bounds.ending);
  }

  /** Nobody wants its answer any more; others on the connection go on. */
  destroy(): void {
    if (this.#state === State.FREE) return this.#link.onUnused(this);
    if (this.#state === State.OVER) return;
    this.#stream?.reset(ErrorCode.CANCEL);
    this.#over();
  }

  /** Lent, and not needed. */
  giveBack(): void {
    if (this.#state === State.FREE) this.#link.onReturned(this);
  }

  /** Its connection is gone. */
  dispose(): void {
    this.#link.wheel.release(this.#deadline);
  }

  /** Whoever held it may still speak to it: it is not used again. */
  #over(): void {
    if (this.#state === State.OVER) return;
    const stream = this.#stream;
    this.#detach();
    if (stream?.isClosed === false) stream.reset(ErrorCode.CANCEL);
    this.#state = State.OVER;
    this.#link.wheel.release(this.#deadline);
    this.#link.leave(this, false);
  }

  #detach(): void {
    if (this.#stream !== null) this.#stream.user = null;
    this.#stream = null;
    this.#sink = null;
    this.#head = "";
  }
}
