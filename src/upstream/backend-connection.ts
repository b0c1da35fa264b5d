// What the proxy needs of a connection to a backend, whatever is spoken on it: HTTP/1.1 (`http1.ts`), HTTP/2 (`http2-request.ts`), FastCGI
// (`fastcgi-connection.ts`), SCGI or uwsgi (`cgi-connection.ts`).

import type { FailureCode } from "../http/errors.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Pooled } from "./pooled.ts";

/** Where an answer goes. */
export interface ResponseSink {
  /** An interim (1xx) answer other than 101. The head is only valid during the call, as below. */
  onInterim(head: ResponseHead): void;
  onResponseHead(head: ResponseHead): void;
  /** The bytes are only valid during the call. */
  onResponseData(buffer: Buffer, start: number, end: number): void;
  /** @param trailers checked lines, each with its CR LF; "" when there are none */
  onResponseEnd(trailers: string): void;
  /** Everything of one read has been delivered: write out what was gathered. */
  onResponseFlush(): void;
  /** The backend took what had been held back for it. */
  onUpstreamDrain(): void;
  /** There will be no (complete) answer. The connection is already closed. */
  /** @param cause a sentence, where there is more to say */
  onResponseFailed(code: FailureCode, cause?: string): void;
  /** A whole line, or what there is of one at the end, that a program wrote to its error stream (FastCGI); latin1 without its line end. */
  onErrorText(text: string): void;
  /** The backend's end of a tunnel. */
  onBackendData(buffer: Buffer, start: number, end: number): void;
  onBackendEnd(): void;
  onBackendClosed(): void;
}

export interface ResponseLimits {
  readonly headBytes: number;
  readonly headerCount: number;
  readonly trailerBytes: number;
  /** A bare LF ends a line of a head. */
  readonly bareLf?: boolean;
}

export interface BackendConnection extends Pooled {
  readonly isOpen: boolean;
  /** How many answers it has carried. */
  readonly served: number;
  /**
   * Begins an exchange.
   * @param head HTTP: the head as it is sent; gateways: the params as `encodeParams` of src/gateway/ made them, latin1
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
  ): void;
  /** Another time limit from the end of the request to the head of its answer, ms. */
  grant(responseTimeout: number): void;
  /** @param isChunked the length of the body was not told; gateways pass the bytes alone */
  writeData(buffer: Buffer, start: number, end: number, isChunked: boolean): void;
  /** The request is complete; the clock for its answer starts. */
  endRequest(trailers: string, isChunked: boolean): void;
  /** Writes out what was gathered. False: the backend is slow, wait for `onUpstreamDrain`. */
  flush(): boolean;
  pause(): void;
  resume(): void;
  /** Ends our direction of a tunnel. */
  endTunnel(): void;
  /** Closes once what was written has been delivered, or it takes too long. */
  destroySoon(): void;
}
