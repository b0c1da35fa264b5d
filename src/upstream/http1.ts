// One connection to a backend that speaks HTTP/1.1: a head and a body out, one answer in, then back to
// its pool. What an answer means for the exchange is not decided here. Hot: bench/head.ts

import type { Socket } from "node:net";

import { BodyReader } from "../http/body-reader.ts";
import { Chunk } from "../http/chunked.ts";
import type { FailureCode } from "../http/errors.ts";
import { Pause, Reading } from "../http/reading.ts";
import { ResponseHead } from "../http/response-head.ts";
import { readTrailers } from "../http/trailers.ts";
import { Writer } from "../http/writer.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseLimits, ResponseSink } from "./backend-connection.ts";
import type { LeaseOwner } from "./pooled.ts";

const State = { IDLE: 0, HEAD: 1, BODY: 2, DONE: 3, TUNNEL: 4, ENDING: 5, CLOSED: 6 } as const;

/** Heads of answers are searched in the first part of what arrived; more is looked at when needed. */
const firstLook = 8 * 1024;
const maxInterims = 32;
/** How long the last bytes of a tunnel may take to leave, ms. */
const endingMs = 10_000;

export class UpstreamConnection implements BackendConnection, Deadlined {
  readonly socketUser = this;
  /** IP address it leads to, "" for a unix socket. */
  readonly address: string;
  /** How many answers it has carried. */
  served = 0;
  /** `performance.now()` when it became idle. */
  idleSince = 0;
  readonly #socket: Socket;
  readonly #owner: LeaseOwner<UpstreamConnection>;
  readonly #wheel: Wheel;
  readonly #limits: ResponseLimits;
  readonly #writer: Writer;
  readonly #reading: Reading;
  readonly #deadline: Deadline;
  readonly #head = new ResponseHead();
  #state: (typeof State)[keyof typeof State] = State.IDLE;
  #sink: ResponseSink | null = null;
  #partial = "";
  readonly #body: BodyReader;
  #isHeadRequest = false;
  #isRequestSent = false;
  #isUpgradeAsked = false;
  #interims = 0;
  #responseTimeout = 0;
  #bodyTimeout = 0;
  /** What a deadline means just now. */
  #deadlineCode: FailureCode = "RESPONSE_TIMEOUT";

  constructor(
    socket: Socket,
    address: string,
    owner: LeaseOwner<UpstreamConnection>,
    wheel: Wheel,
    limits: ResponseLimits,
  ) {
    this.#socket = socket;
    this.address = address;
    this.#owner = owner;
    this.#wheel = wheel;
    this.#limits = limits;
    this.#writer = new Writer(socket);
    this.#reading = new Reading(socket);
    this.#deadline = new Deadline(this);
    this.#body = new BodyReader(limits.trailerBytes);
  }

  get isOpen(): boolean {
    return this.#state !== State.CLOSED;
  }

  // --- the request -----------------------------------------------------------------------------

  /**
   * Begins an exchange.
   * @param responseTimeout ms from the end of the request to the head of its answer
   * @param bodyTimeout ms of the longest pause in the answer's body
   */
  begin(
    sink: ResponseSink,
    head: string,
    method: string,
    isUpgrade: boolean,
    responseTimeout: number,
    bodyTimeout: number,
  ): void {
    this.#sink = sink;
    this.#state = State.HEAD;
    this.#isHeadRequest = method === "HEAD";
    this.#isUpgradeAsked = isUpgrade;
    this.#isRequestSent = false;
    this.#interims = 0;
    this.#responseTimeout = responseTimeout;
    this.#bodyTimeout = bodyTimeout;
    this.#writer.text(head);
  }

  /** Another time limit from the end of the request to the head of its answer, ms. */
  grant(responseTimeout: number): void {
    this.#responseTimeout = responseTimeout;
  }

  writeData(buffer: Buffer, start: number, end: number, isChunked: boolean): void {
    if (isChunked) this.#writer.chunk(buffer, start, end);
    else this.#writer.bytes(buffer, start, end);
  }

  /** The request is complete; the clock for its answer starts. */
  endRequest(trailers: string, isChunked: boolean): void {
    if (isChunked) this.#writer.text(`0\r\n${trailers}\r\n`);
    this.#isRequestSent = true;
    if (this.#state === State.HEAD) this.#expect("RESPONSE_TIMEOUT", this.#responseTimeout);
    else if (this.#state === State.BODY) this.#expectBody();
  }

  /** Writes out what was gathered. False: the backend is slow, wait for `onUpstreamDrain`. */
  flush(): boolean {
    const isTaken = this.#state === State.CLOSED || this.#writer.flush();
    if (this.#isRequestSent) return isTaken;
    // A backend that takes nothing of a body is as late as one that does not answer; one that waits for more of it is not.
    if (this.#state === State.BODY) this.#expectBody();
    else if (!isTaken) this.#expect("RESPONSE_TIMEOUT", this.#responseTimeout);
    return isTaken;
  }

  onDrain(): void {
    if (!this.#writer.isBlocked) return;
    this.#writer.isBlocked = false;
    // It may be waited for in the middle of its answer: that goes on.
    if (this.#state === State.BODY) this.#expectBody();
    else if (!this.#isRequestSent) this.#wheel.disarm(this.#deadline);
    this.#sink?.onUpstreamDrain();
  }

  #expectBody(): void {
    if (!this.#reading.isPaused) this.#expect("RESPONSE_BODY_TIMEOUT", this.#bodyTimeout);
  }

  #expect(code: FailureCode, ms: number): void {
    this.#deadlineCode = code;
    this.#wheel.arm(this.#deadline, ms);
  }

  // --- the answer ------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    let at = start;
    const sink = this.#sink;
    while (at < end) {
      if (this.#state === State.HEAD) {
        at = this.#readHead(buffer, at, end);
      } else if (this.#state === State.BODY) {
        at = this.#readBody(buffer, at, end);
      } else if (this.#state === State.TUNNEL) {
        sink?.onBackendData(buffer, at, end);
        at = end;
      } else if (this.#state === State.ENDING) {
        return;
      } else {
        // Bytes that belong to no answer: whoever came next would be given them. Never reuse it.
        this.#close();
        break;
      }
    }
    if (this.#sink === sink) sink?.onResponseFlush();
    if (this.#state === State.DONE) this.#settle();
  }

  /** Reads a head; returns where its body starts, `end` when it is not complete or was refused. */
  #readHead(buffer: Buffer, start: number, end: number): number {
    if (this.#limits.bareLf === true) return this.#readLooseHead(buffer, start, end);
    const looked = this.#partial === "" ? Math.min(end, start + firstLook) : end;
    let text = this.#partial + buffer.latin1Slice(start, looked);
    let headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0 && looked < end) {
      text += buffer.latin1Slice(looked, end);
      headEnd = text.indexOf("\r\n\r\n");
    }
    if (headEnd < 0) {
      this.#partial = text;
      if (text.length > this.#limits.headBytes) this.#fail("RESPONSE_HEAD_TOO_LARGE");
      else if (hasBareLineEnd(text)) this.#fail("BAD_RESPONSE");
      return end;
    }
    const before = this.#partial.length;
    this.#partial = "";
    const wrong =
      headEnd + 4 > this.#limits.headBytes
        ? "RESPONSE_HEAD_TOO_LARGE"
        : this.#head.read(text, 0, headEnd + 4, this.#limits.headerCount, this.#isHeadRequest);
    if (wrong !== undefined) {
      this.#fail(wrong);
      return end;
    }
    this.#onHead();
    return start + headEnd + 4 - before;
  }

  /** With `compat.bareLf`: the same head, its line ends written properly. */
  #readLooseHead(buffer: Buffer, start: number, end: number): number {
    const before = this.#partial.length;
    const text = this.#partial + buffer.latin1Slice(start, end);
    const found = /\r?\n\r?\n/.exec(text);
    const length = found === null ? text.length : found.index + found[0].length;
    this.#partial = found === null ? text : "";
    if (length > this.#limits.headBytes) {
      this.#fail("RESPONSE_HEAD_TOO_LARGE");
      return end;
    }
    if (found === null) return end;
    const head = text.slice(0, length).replace(/\r?\n/g, "\r\n");
    const { headerCount } = this.#limits;
    const wrong = this.#head.read(head, 0, head.length, headerCount, this.#isHeadRequest);
    if (wrong !== undefined) {
      this.#fail(wrong);
      return end;
    }
    this.#onHead();
    return start + length - before;
  }

  #onHead(): void {
    const head = this.#head;
    if (head.status < 200) {
      this.#onInterim(head);
      return;
    }
    this.#state = State.BODY;
    this.#body.begin(head.bodyLength);
    if (head.bodyLength === 0) this.#wheel.disarm(this.#deadline);
    else this.#expect("RESPONSE_BODY_TIMEOUT", this.#bodyTimeout);
    this.#sink?.onResponseHead(head);
    if (head.bodyLength === 0 && this.#stateNow() === State.BODY) this.#end("");
  }

  #onInterim(head: ResponseHead): void {
    if (head.status === 101) {
      if (!this.#isUpgradeAsked) {
        this.#fail("BAD_RESPONSE");
        return;
      }
      this.#state = State.TUNNEL;
      this.#wheel.disarm(this.#deadline);
      this.#sink?.onResponseHead(head);
      return;
    }
    if (++this.#interims > maxInterims) this.#fail("BAD_RESPONSE");
    else this.#sink?.onInterim(head);
  }

  #stateNow(): (typeof State)[keyof typeof State] {
    return this.#state;
  }

  #readBody(buffer: Buffer, start: number, end: number): number {
    this.#expectBody();
    const body = this.#body;
    body.position = start;
    while (this.#state === State.BODY) {
      const event = body.next(buffer, end);
      if (event === Chunk.DATA) {
        this.#sink?.onResponseData(buffer, body.dataStart, body.dataEnd);
      } else if (event === Chunk.MORE) {
        return end;
      } else if (event === Chunk.DONE) {
        const trailers = readTrailers(body.trailers);
        if (trailers.kind === "bad") this.#fail("BAD_RESPONSE");
        else this.#end(trailers.lines);
        return body.position;
      } else {
        this.#fail("BAD_RESPONSE");
      }
    }
    return end;
  }

  #end(trailers: string): void {
    this.#wheel.disarm(this.#deadline);
    this.#state = State.DONE;
    const sink = this.#sink;
    sink?.onResponseEnd(trailers);
  }

  /** After the last bytes of an answer were handed on: back to the pool, or closed. */
  #settle(): void {
    const isReusable = this.#head.isPersistent && this.#isRequestSent && !this.#writer.isBlocked;
    this.#sink = null;
    if (!isReusable) {
      this.#close();
      return;
    }
    this.#state = State.IDLE;
    this.served++;
    this.#reading.resume(Pause.SINK);
    this.#owner.onReusable(this);
  }

  // --- pausing, tunnels, ending ----------------------------------------------------------------

  pause(): void {
    if (this.#reading.isPaused || this.#state === State.CLOSED) return;
    // The backend is not late while we do not read.
    if (this.#state === State.BODY) this.#wheel.disarm(this.#deadline);
    this.#reading.pause(Pause.SINK);
  }

  resume(): void {
    if (!this.#reading.isPaused || this.#state === State.CLOSED) return;
    if (this.#state === State.BODY) this.#expect("RESPONSE_BODY_TIMEOUT", this.#bodyTimeout);
    this.#reading.resume(Pause.SINK);
  }

  /** Ends our direction of a tunnel. */
  endTunnel(): void {
    this.flush();
    this.#socket.end();
  }

  onEnd(): void {
    if (this.#state === State.BODY && this.#body.isUntilClose) {
      this.#head.isPersistent = false;
      this.#end("");
      this.#sink?.onResponseFlush();
      this.#settle();
    } else if (this.#state === State.TUNNEL) {
      this.#sink?.onBackendEnd();
    } else if (this.#state !== State.ENDING) {
      this.onClosed();
    }
  }

  /** The socket is gone, or as good as gone. */
  onClosed(): void {
    switch (this.#state) {
      case State.HEAD:
        this.#fail(this.#partial === "" ? "UPSTREAM_CLOSED" : "BAD_RESPONSE");
        break;
      case State.BODY:
        this.#fail("UPSTREAM_TRUNCATED");
        break;
      case State.TUNNEL: {
        const sink = this.#sink;
        this.#close();
        sink?.onBackendClosed();
        break;
      }
      default:
        this.#close();
    }
  }

  onRefused(why: string): void {
    if (this.#state === State.HEAD) this.#fail("TLS_FAILED", why);
    else this.onClosed();
  }

  #fail(code: FailureCode, cause = ""): void {
    const sink = this.#sink;
    this.#close();
    sink?.onResponseFailed(code, cause);
  }

  onDeadline(): void {
    if (this.#state === State.HEAD || this.#state === State.BODY) this.#fail(this.#deadlineCode);
    else if (this.#state === State.ENDING) this.#close();
  }

  /** Closes at once; nobody is told but the owner. */
  destroy(): void {
    this.#close();
  }

  /** Closes once what was written has been delivered, or it takes too long. */
  destroySoon(): void {
    if (this.#state === State.CLOSED) return;
    this.#writer.flush();
    this.#sink = null;
    this.#state = State.ENDING;
    this.#socket.destroySoon();
    this.#wheel.arm(this.#deadline, endingMs);
  }

  #close(): void {
    if (this.#state === State.CLOSED) return;
    this.#state = State.CLOSED;
    this.#sink = null;
    this.#wheel.release(this.#deadline);
    this.#socket.destroy();
    this.#owner.onClosed(this);
  }
}

function hasBareLineEnd(text: string): boolean {
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (text.charCodeAt(at - 1) !== 13) return true;
  }
  return false;
}
