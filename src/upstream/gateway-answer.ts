// What comes of one request to a program, whichever protocol carries it: the head is read, the body counted, and whoever is
// late is given up, as for HTTP (`http1.ts`). Hot: bench/head.ts

import { readCgiHead } from "../gateway/cgi-head.ts";
import { HeadEnd } from "../gateway/head-end.ts";
import type { FailureCode } from "../http/errors.ts";
import { CHUNKED } from "../http/framing.ts";
import { ResponseHead } from "../http/response-head.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { ResponseLimits, ResponseSink } from "./backend-connection.ts";

const State = { NONE: 0, HEAD: 1, BODY: 2 } as const;

/** Heads are read and told within one call: one is enough, and a second for who reads within that call. */
let spare: ResponseHead | undefined;

/** The connection that carries it. */
export interface AnswerCarrier {
  /** The answer is over, and nothing else may come of this connection. */
  closeNow(): void;
}

export class GatewayAnswer implements Deadlined {
  readonly #carrier: AnswerCarrier;
  readonly #wheel: Wheel;
  readonly #limits: ResponseLimits;
  readonly #deadline: Deadline;
  readonly #head = new HeadEnd();
  #state: (typeof State)[keyof typeof State] = State.NONE;
  #sink: ResponseSink | null = null;
  #isHeadRequest = false;
  #isRequestSent = false;
  /** The program does not take what is sent to it. */
  #isBlocked = false;
  /** Nobody reads what the program sends. */
  #isPaused = false;
  /** Bytes of the body to come; `CHUNKED` = as many as there are. */
  #left = 0;
  #responseTimeout = 0;
  #bodyTimeout = 0;

  constructor(carrier: AnswerCarrier, wheel: Wheel, limits: ResponseLimits) {
    this.#carrier = carrier;
    this.#wheel = wheel;
    this.#limits = limits;
    this.#deadline = new Deadline(this);
  }

  get sink(): ResponseSink | null {
    return this.#sink;
  }

  /** The program has been told everything. */
  get isRequestSent(): boolean {
    return this.#isRequestSent;
  }

  /** All of a body whose length was told is here. */
  get isWhole(): boolean {
    return this.#state === State.BODY && this.#left === 0;
  }

  begin(sink: ResponseSink, method: string, responseTimeout: number, bodyTimeout: number): void {
    this.#sink = sink;
    this.#state = State.HEAD;
    this.#head.begin();
    this.#isHeadRequest = method === "HEAD";
    this.#isRequestSent = false;
    this.#isBlocked = false;
    this.#isPaused = false;
    this.#responseTimeout = responseTimeout;
    this.#bodyTimeout = bodyTimeout;
  }

  grant(responseTimeout: number): void {
    this.#responseTimeout = responseTimeout;
  }

  // --- the clock -----------------------------------------------------------------------------------

  /** Something was written. @param isTaken all of it */
  onWritten(isTaken: boolean): void {
    if (this.#state === State.NONE || this.#isRequestSent) return;
    this.#isBlocked = !isTaken;
    // A program that takes nothing of a body is as late as one that does not answer; one that waits for more of it is not.
    if (this.#state === State.BODY) this.#expectBody();
    else if (!isTaken) this.#expectHead();
  }

  /** The program took what had been held back for it. */
  onDrained(): void {
    this.#isBlocked = false;
    if (this.#state === State.BODY) this.#expectBody();
    else if (!this.#isRequestSent) this.#wheel.disarm(this.#deadline);
  }

  onRequestSent(): void {
    this.#isRequestSent = true;
    if (this.#state === State.BODY) this.#expectBody();
    else if (this.#state === State.HEAD) this.#expectHead();
  }

  /** A program is not late while we do not read. */
  pause(): void {
    this.#isPaused = true;
    if (this.#state !== State.NONE) this.#wheel.disarm(this.#deadline);
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#state === State.BODY) this.#expectBody();
    else if (this.#state === State.HEAD && (this.#isRequestSent || this.#isBlocked)) {
      this.#expectHead();
    }
  }

  #expectHead(): void {
    if (!this.#isPaused) this.#wheel.arm(this.#deadline, this.#responseTimeout);
  }

  #expectBody(): void {
    if (!this.#isPaused) this.#wheel.arm(this.#deadline, this.#bodyTimeout);
  }

  onDeadline(): void {
    if (this.#state === State.HEAD) this.fail("RESPONSE_TIMEOUT", this.#lateness);
    else if (this.isWhole) this.#completeLate();
    else if (this.#state === State.BODY) this.fail("RESPONSE_BODY_TIMEOUT", this.#lateness);
  }

  get #lateness(): string {
    return this.#isBlocked ? "it does not take the request's body" : "";
  }

  /** All was said that had been promised; only that it is all was not. */
  #completeLate(): void {
    const sink = this.#sink;
    this.release();
    this.#carrier.closeNow();
    sink?.onResponseEnd("");
    sink?.onResponseFlush();
  }

  // --- what comes ----------------------------------------------------------------------------------

  /** Bytes of the program's output. */
  take(buffer: Buffer, start: number, end: number): void {
    let at = start;
    if (this.#state === State.HEAD) {
      at = this.#head.find(buffer, start, end);
      const length = this.#head.text.length;
      if (length > this.#limits.headBytes) {
        this.fail(
          "RESPONSE_HEAD_TOO_LARGE",
          `its head has more than ${this.#limits.headBytes} bytes`,
        );
        return;
      }
      if (at < 0) return;
      this.#readHead();
    }
    if (this.#state === State.BODY && at < end) this.#takeBody(buffer, at, end);
  }

  #readHead(): void {
    const head = spare ?? new ResponseHead();
    spare = undefined;
    const { text } = this.#head;
    this.#head.begin();
    const fault = readCgiHead(head, text, this.#limits.headerCount, this.#isHeadRequest);
    if (fault !== undefined) {
      this.fail(fault.code, fault.why);
    } else {
      this.#state = State.BODY;
      this.#left = head.bodyLength;
      this.#expectBody();
      this.#sink?.onResponseHead(head);
    }
    spare = head;
  }

  #takeBody(buffer: Buffer, start: number, end: number): void {
    // What comes beyond the length that was told belongs to nothing.
    const isKnown = this.#left !== CHUNKED;
    const stop = isKnown && end - start > this.#left ? start + this.#left : end;
    if (stop === start) return;
    if (isKnown) this.#left -= stop - start;
    this.#expectBody();
    this.#sink?.onResponseData(buffer, start, stop);
  }

  /** The program says that this was all. @returns whether the answer is complete; else it has failed */
  end(): boolean {
    if (this.#state === State.HEAD) {
      const isEmpty = this.#head.text === "";
      this.fail("BAD_RESPONSE", isEmpty ? "it ended without an answer" : cutHead);
      return false;
    }
    if (this.#state === State.NONE) return false;
    if (this.#left > 0) {
      this.fail("UPSTREAM_TRUNCATED", `${this.#left} bytes of its answer are missing`);
      return false;
    }
    this.#wheel.disarm(this.#deadline);
    this.#state = State.NONE;
    this.#sink?.onResponseEnd("");
    return true;
  }

  /** The connection has ended. @param isEnd that is how answers end here */
  cut(isEnd: boolean): void {
    if (this.#state === State.HEAD) {
      const isEmpty = this.#head.text === "";
      if (isEmpty) this.fail("UPSTREAM_CLOSED", "");
      else this.fail("BAD_RESPONSE", cutHead);
    } else if (this.#state === State.BODY && !isEnd && this.#left !== 0) {
      this.fail("UPSTREAM_TRUNCATED", "");
    } else if (this.#state === State.BODY) {
      const sink = this.#sink;
      if (this.end()) sink?.onResponseFlush();
    }
  }

  fail(code: FailureCode, cause: string): void {
    const sink = this.#sink;
    this.release();
    this.#carrier.closeNow();
    sink?.onResponseFailed(code, cause);
  }

  /** Nobody is told anything more. */
  release(): void {
    this.#state = State.NONE;
    this.#sink = null;
    this.#wheel.disarm(this.#deadline);
  }

  /** For good. */
  dispose(): void {
    this.release();
    this.#wheel.release(this.#deadline);
  }
}

const cutHead = "it ended in the middle of the head of its answer";
