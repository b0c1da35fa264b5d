// One connection to a backend that speaks HTTP/2, on which many requests run at once. It counts as one connection in its pool:
// which keeps it while it is idle, and is told when there is room for one more. Hot: bench/h2-session.ts

import type { Socket } from "node:net";

import { http2BackendLimits as bounds } from "../config/http2-backend-limits.ts";
import { ErrorCode, type ErrorNumber } from "../http/h2/codes.ts";
import { writeRequest, writeWebSocket } from "../http/h2/sent-request.ts";
import { Session, type SessionFault, type SessionUser } from "../http/h2/session.ts";
import type { Stream } from "../http/h2/stream.ts";
import { Roster } from "../lib/roster.ts";
import { Deadline, type Deadlined, type Wheel } from "../lib/wheel.ts";
import type { BackendConnection, ResponseLimits } from "./backend-connection.ts";
import { Http2Request } from "./http2-request.ts";
import type { LeaseOwner, SocketUser } from "./pooled.ts";

export interface Http2LinkOptions {
  readonly socket: Socket;
  readonly address: string;
  readonly isSecure: boolean;
  readonly owner: LeaseOwner<BackendConnection>;
  readonly wheel: Wheel;
  readonly limits: ResponseLimits;
  /** Held back for one request before its client is told to wait. */
  readonly bufferBytes: number;
  readonly multiplexing: LinkKeeper;
}

/** Who keeps the connections to one backend, and wants to know of each. */
export interface LinkKeeper {
  /** @param most requests that one takes at once */
  learn(most: number, isConnectAllowed: boolean): void;
  /** There is room for one more request. */
  onRoom(): void;
  drop(link: Http2Link): void;
}

const names = new Map<ErrorNumber, string>(
  Object.entries(ErrorCode).map(([name, code]) => [code, name]),
);

export class Http2Link implements SocketUser, Deadlined {
  readonly options: Http2LinkOptions;
  /** Answers it has carried. */
  served = 0;
  /** The backend's settings are known. */
  isSettled = false;
  /** It breaks off, and what runs on it with it. */
  isLost = false;
  isClosed = false;
  readonly #session: Session;
  readonly #running = new Roster<Http2Request>();
  /** Done with one request, and free for another. */
  readonly #spare: Http2Request[] = [];
  /** What the pool has, or has just lent; null = something runs. */
  #idle: Http2Request | null;
  /** It refused a request, or is silent: no more of them until it is done with another. */
  #isFull = false;
  #why = "";
  readonly #deadline = new Deadline(this);
  /** When something came last, on the wheel's clock. */
  #heardAt = 0;
  #isPinged = false;
  /** A sign of life was asked for since an answer came. */
  #isDoubted = false;

  constructor(options: Http2LinkOptions) {
    this.options = options;
    const { socket, wheel, limits, bufferBytes } = options;
    this.#session = new Session({
      role: "client",
      socket,
      wheel,
      user: this.#sessionUser,
      settings: {
        // No server begins any: pushes are refused.
        maxStreams: 0,
        headBytes: limits.headBytes,
        headerCount: limits.headerCount,
        headTimeout: bounds.settings,
        bufferBytes,
        windowBytes: bounds.windowBytes,
      },
    });
    this.#idle = new Http2Request(this);
    this.#session.start();
  }

  get #sessionUser(): SessionUser {
    return {
      onRequest: (stream: Stream) => stream.reset(ErrorCode.PROTOCOL_ERROR),
      onSettings: () => this.#onSettings(),
      onGoaway: (_, code) => this.#onGoaway(code),
      onIdle: () => {},
      onFault: (fault) => this.#onFault(fault),
      onClosed: () => this.#onSessionClosed(),
    };
  }

  /** What the pool lends; it stands for the connection. */
  get first(): Http2Request | null {
    return this.#idle;
  }

  get wheel(): Wheel {
    return this.options.wheel;
  }

  get isConnectAllowed(): boolean {
    return this.#session.isConnectAllowed;
  }

  /** Requests that may run at once. Until its settings came it has one: more would be refused where it grants few. */
  get most(): number {
    return this.isSettled ? Math.min(bounds.streams, this.#session.peerMaxStreams) : 1;
  }

  /** One more can be begun beside those that run. */
  get hasRoom(): boolean {
    if (this.#idle !== null || this.#isFull || this.isClosed || this.#session.isClosing)
      return false;
    return this.#running.size < this.most;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** A place beside those that run. */
  take(): Http2Request {
    return this.#spare.pop() ?? new Http2Request(this);
  }

  // --- requests come and go ----------------------------------------------------------------------

  enter(request: Http2Request): void {
    if (this.#idle !== null) {
      this.#idle = null;
      this.#heardAt = this.wheel.now;
      this.#watch(bounds.pingAfter);
    }
    this.#running.add(request);
  }

  request(
    request: Http2Request,
    head: string,
    isWebSocket: boolean,
    isEnd: boolean,
  ): Stream | undefined {
    const { isSecure } = this.options;
    const write = isWebSocket ? writeWebSocket : writeRequest;
    return this.#session.request(request, (encoder) => write(encoder, head, isSecure), isEnd);
  }

  /** @param isDone it got its answer, and can be used for the next request */
  leave(request: Http2Request, isDone: boolean): void {
    this.#running.delete(request);
    if (isDone) {
      this.#isFull = false;
      if (this.#spare.length < bounds.streams) this.#spare.push(request);
    }
    if (this.isClosed) return;
    const { owner, multiplexing } = this.options;
    if (this.#running.size === 0) {
      this.wheel.disarm(this.#deadline);
      if (this.#isFull || this.isLost || this.#session.isClosing) return this.close();
      const idle = this.take();
      this.#idle = idle;
      owner.onReusable(idle);
    }
    // Somebody may have got it just now, and others wait.
    if (this.hasRoom) multiplexing.onRoom();
  }

  /** Lent, and not begun. */
  onReturned(request: Http2Request): void {
    if (request === this.#idle) this.options.owner.onReusable(request);
  }

  /** Not wanted any more: by the pool, or by who got it just now. */
  onUnused(request: Http2Request): void {
    if (request === this.#idle) this.close();
  }

  /** A request came back untouched. */
  onRefusal(code: ErrorNumber): void {
    if (code === ErrorCode.REFUSED_STREAM) this.#isFull = true;
  }

  /** A sentence about why a request was reset with this code; "" = nothing is known. */
  causeOf(code: ErrorNumber): string {
    if (this.#why !== "" || this.isLost) return this.#why;
    return `it reset the stream: ${names.get(code) ?? code}`;
  }

  // --- what the session tells --------------------------------------------------------------------

  #onSettings(): void {
    const { multiplexing } = this.options;
    this.isSettled = true;
    multiplexing.learn(this.most, this.isConnectAllowed);
    for (const each of [...this.#running.all()]) each.onSettled();
    multiplexing.onRoom();
  }

  #onGoaway(code: ErrorNumber): void {
    if (code !== ErrorCode.NO_ERROR) {
      this.#why = `it ended the connection: ${names.get(code) ?? code}`;
    }
    if (this.#idle !== null) this.close();
  }

  #onFault({ why }: SessionFault): void {
    this.#why = `what it sent is no HTTP/2: ${why}`;
    this.isLost = true;
  }

  #onSessionClosed(): void {
    this.isLost = true;
    // Those that waited for the settings have no stream that could have told them.
    for (const each of [...this.#running.all()]) each.onReset(ErrorCode.CANCEL);
    this.#drop();
  }

  // --- signs of life -----------------------------------------------------------------------------

  #watch(ms: number): void {
    this.wheel.arm(this.#deadline, ms);
  }

  onDeadline(): void {
    if (this.isClosed || this.#running.size === 0) return;
    const silence = this.wheel.now - this.#heardAt;
    if (this.#isPinged && silence >= bounds.pong) {
      this.#why = "it is silent, and does not answer to a ping";
      this.isLost = true;
      this.#session.close(ErrorCode.NO_ERROR);
      return;
    }
    const patience = this.#isDoubted ? bounds.pingAgain : bounds.pingAfter;
    if (silence < patience) this.#watch(patience - silence);
    else this.#ping();
  }

  #ping(): void {
    this.#isPinged = true;
    this.#isDoubted = true;
    this.#session.ping(() => (this.#isPinged = false));
    this.#watch(bounds.pong);
  }

  /** Part of an answer came. */
  onAnswer(): void {
    if (!this.#isDoubted) return;
    this.#isDoubted = false;
    if (!this.#isPinged) this.#watch(bounds.pingAfter);
  }

  /**
   * An answer did not come in time. If nothing else did either, nobody more is sent there: over HTTP/1.1 such a connection would be
   * closed. @param since when it was waited for, on the wheel's clock
   */
  onLate(since: number): void {
    if (this.#heardAt > since || this.isClosed) return;
    this.#isFull = true;
    if (!this.#isPinged) this.#ping();
  }

  // --- what happens on the socket ----------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): void {
    this.#heardAt = this.wheel.now;
    this.#session.onBytes(buffer, start, end);
  }

  onDrain(): void {
    this.#session.onDrain();
  }

  onEnd(): void {
    this.isLost = true;
    this.#session.onEnd();
  }

  onClosed(): void {
    this.isLost = true;
    this.#session.onClosed();
    this.#drop();
  }

  onRefused(why: string): void {
    this.isLost = true;
    for (const each of [...this.#running.all()]) each.onRefused(why);
    this.close();
  }

  /** Says goodbye; whatever runs on it is told. */
  close(): void {
    if (this.isClosed) return;
    this.isLost = true;
    this.#drop();
    this.#session.close(ErrorCode.NO_ERROR);
  }

  #drop(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { owner, multiplexing } = this.options;
    this.wheel.release(this.#deadline);
    multiplexing.drop(this);
    const standing = this.#idle ?? this.take();
    for (const each of [...this.#spare, standing]) each.dispose();
    owner.onClosed(standing);
  }
}
