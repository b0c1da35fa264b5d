// What a fill is fed by, and what it gives: an answer on its way, from a backend or from another worker.

import type { FailureCode } from "../http/errors.ts";

/** The head of an answer as the backend said it, without what is only between it and us. */
export interface FilledHead {
  readonly status: number;
  readonly reason: string;
  /** Field lines, each with its CR LF, Content-Length among them; none of Date. */
  readonly lines: string;
  /** Value of Date; "" = it did not say. */
  readonly date: string;
  /** Bytes, `CHUNKED` or `UNTIL_CLOSE`; 0 = there is none. */
  readonly bodyLength: number;
  /** When it came, ms since 1970. */
  readonly at: number;
  /** Another worker had it from the backend, and writes it where it is to be written; left out = no. */
  readonly isFromPeer?: boolean;
}

/** Where an answer goes. */
export interface FillSink {
  onHead(head: FilledHead): void;
  /** The bytes are only valid during the call. */
  onData(buffer: Buffer, start: number, end: number): void;
  /** Everything of one read has been given. False: it has enough, and has the source `resume`. */
  onFlush(): boolean;
  onEnd(trailers: string): void;
  /** There will be no, or no complete, answer. @param status that a client should see for it */
  onFailed(code: FailureCode, status: number): void;
}

/** Where it comes from. */
export interface FillSource {
  resume(): void;
  /** Nobody wants it any more; nothing is told after this. */
  stop(): void;
}
