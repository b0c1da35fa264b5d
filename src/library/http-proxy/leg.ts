// One request to one backend: a connection is borrowed, the head and the body go out, and the answer becomes a stream. Who
// owns it is told how it went, exactly once.

import { httpProxyLimits } from "../../config/http-proxy-limits.ts";
import type { FailureCode } from "../../http/errors.ts";
import { CHUNKED } from "../../http/framing.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { BackendConnection, ResponseSink } from "../../upstream/backend-connection.ts";
import type { Pool, PoolTicket, Waiter } from "../../upstream/pool.ts";
import { ProxyError } from "./error.ts";
import type { SentHead } from "./proxy-request.ts";
import { ProxyResponse } from "./proxy-response.ts";
import { TunnelStream } from "./tunnel-stream.ts";

export interface LegOwner {
  /** There is a connection, or there will never be one: the body may come. */
  onSettled(): void;
  /** What had been held back was taken. */
  onDrain(): void;
  onAnswer(response: ProxyResponse): void;
  onUpgrade(response: ProxyResponse, tunnel: TunnelStream): void;
  /** There will be no answer. */
  onFailed(error: ProxyError): void;
}

export interface LegTimeouts {
  /** ms; 0 = none. */
  readonly response: number;
  readonly connect: number | undefined;
}

const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

export class Leg implements Waiter<BackendConnection>, ResponseSink {
  ticket: PoolTicket<BackendConnection> | null = null;
  readonly #pool: Pool<BackendConnection>;
  readonly #head: SentHead;
  readonly #timeouts: LegTimeouts;
  readonly #owner: LegOwner;
  #connection: BackendConnection | null = null;
  #response: ProxyResponse | null = null;
  #tunnel: TunnelStream | null = null;
  /** Bytes of the body that may still come; irrelevant when it is chunked. */
  #left: number;
  #isReused = false;
  #isWaiting = false;
  #isSettled = false;
  #isOver = false;

  constructor(
    pool: Pool<BackendConnection>,
    head: SentHead,
    timeouts: LegTimeouts,
    owner: LegOwner,
  ) {
    this.#pool = pool;
    this.#head = head;
    this.#timeouts = timeouts;
    this.#owner = owner;
    this.#left = head.bodyLength;
  }

  begin(): void {
    // A kept connection may be dead, and what is not sent again would be lost with it.
    const idle = this.#isRepeatable ? this.#pool.takeIdle() : undefined;
    if (idle === undefined) this.#open();
    else this.#send(idle);
  }

  get #isRepeatable(): boolean {
    return this.#head.bodyLength === 0 && repeatable.has(this.#head.method);
  }

  #open(): void {
    this.#isWaiting = true;
    const { connect, response } = this.#timeouts;
    const usual = response > 0 ? response : httpProxyLimits.connect;
    this.#pool.open(this, connect ?? usual);
  }

  onLease(connection: BackendConnection): void {
    this.#isWaiting = false;
    if (this.#isOver) connection.destroy();
    else this.#send(connection);
  }

  onNoLease(code: FailureCode, cause: Error | undefined): void {
    this.#isWaiting = false;
    this.#fail(code, cause);
  }

  #send(connection: BackendConnection): void {
    const { text, method, isUpgrade, bodyLength } = this.#head;
    const { response } = this.#timeouts;
    this.#isReused = connection.served > 0;
    this.#connection = connection;
    connection.begin(this, text, method, isUpgrade, response, response);
    if (bodyLength === 0) connection.endRequest("", false);
    connection.flush();
    this.#settle();
  }

  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#owner.onSettled();
  }

  /** False: wait for `onDrain`. */
  write(chunk: Buffer): boolean {
    const connection = this.#connection;
    if (connection === null || this.#isOver) return true;
    const isChunked = this.#head.bodyLength === CHUNKED;
    if (!isChunked && (this.#left -= chunk.length) < 0) {
      // It would be read as another request.
      this.#fail("BAD_LENGTH");
      return true;
    }
    if (chunk.length > 0) connection.writeData(chunk, 0, chunk.length, isChunked);
    return connection.flush();
  }

  end(): void {
    const connection = this.#connection;
    const { bodyLength } = this.#head;
    if (connection === null || this.#isOver || bodyLength === 0) return;
    if (bodyLength !== CHUNKED && this.#left > 0) {
      this.#fail("BAD_LENGTH");
      return;
    }
    connection.endRequest("", bodyLength === CHUNKED);
    connection.flush();
  }

  /** Whoever asked has gone. */
  cancel(): void {
    if (this.#isOver) return;
    if (this.#isWaiting) this.#pool.cancel(this);
    this.#leave()?.destroy();
    this.#owner.onDrain();
    this.#settle();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nothing more is sent, and nobody told. */
  #leave(): BackendConnection | null {
    const connection = this.#connection;
    this.#isOver = true;
    this.#connection = null;
    return connection;
  }

  #fail(code: FailureCode, cause?: Error): void {
    if (this.#isOver) return;
    this.#leave()?.destroy();
    const error = new ProxyError(code, cause);
    if (this.#response === null) this.#owner.onFailed(error);
    else this.#response.destroy(error);
    // Others may wait for what it did not take.
    this.#owner.onDrain();
    this.#settle();
  }

  // --- the answer ----------------------------------------------------------------------------------

  onInterim(): void {
    // Listeners know of none, and clients can do without.
  }

  onResponseHead(head: ResponseHead): void {
    const response = new ProxyResponse(
      head,
      () => this.#connection?.resume(),
      () => this.cancel(),
    );
    this.#response = response;
    const connection = this.#connection;
    if (head.status !== 101 || connection === null) {
      this.#owner.onAnswer(response);
      return;
    }
    this.#tunnel = new TunnelStream(connection);
    this.#leave();
    response.finish("");
    this.#owner.onUpgrade(response, this.#tunnel);
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    const bytes = Buffer.from(buffer.subarray(start, end));
    if (this.#response?.push(bytes) === false) this.#connection?.pause();
  }

  onResponseFlush(): void {}

  onResponseEnd(trailers: string): void {
    this.#leave();
    this.#response?.finish(trailers);
    // What is left of a body goes nowhere.
    this.#owner.onDrain();
  }

  onResponseFailed(code: FailureCode, cause = ""): void {
    this.#connection = null;
    const isSwallowed = code === "UPSTREAM_CLOSED" && this.#isReused && this.#isRepeatable;
    // RFC 9112 section 9.3.1: what a dead connection swallowed may go out again on a fresh one.
    if (isSwallowed && !this.#isOver) this.#open();
    else this.#fail(code, cause === "" ? undefined : new Error(cause));
  }

  onErrorText(): void {}

  onUpstreamDrain(): void {
    if (this.#tunnel === null) this.#owner.onDrain();
    else this.#tunnel.drained();
  }

  // --- an upgraded connection ------------------------------------------------------------------------

  onBackendData(buffer: Buffer, start: number, end: number): void {
    this.#tunnel?.takeBytes(buffer, start, end);
  }

  onBackendEnd(): void {
    this.#tunnel?.push(null);
  }

  onBackendClosed(): void {
    this.#tunnel?.destroy();
  }
}
