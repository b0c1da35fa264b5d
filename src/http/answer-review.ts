// The head of an answer on its way to the client, as middlewares see and change it, whoever gives it; and what the
// body of an answer can be made to go through.

import type { FailureCode } from "./errors.ts";
import type { Fields } from "./fields.ts";

/** An answer as it comes back, before its head is written. */
export interface AnswerHead {
  /** May be changed, to another status of the same framing. */
  status: number;
  /** What will be passed on; may be changed. None of them frames the body but Content-Length. */
  readonly fields: Fields;
  /** Bytes, `CHUNKED` or `UNTIL_CLOSE`; 0 = there is none, as for HEAD, 204 and 304. */
  readonly bodyLength: number;
  /** We give it ourselves: a failure, or what a middleware answered. */
  readonly isOurs: boolean;
  /**
   * The body goes through it. Of several, what was named first comes first, nearest to the backend. Nothing happens where
   * there is no body.
   * @param bodyLength bytes that come out of it, where that is known; Content-Length is put right
   */
  through(make: (out: FilterOutput) => BodyFilter, bodyLength?: number): void;
  /**
   * Another body in the place of this one, also where there was none; not of a 204 or 304. What came is read and dropped, and
   * what was named before has nothing to do. Fields that describe the body, but for Content-Length, are the caller's.
   * @param body or who gets it, and never fails: asked only where somebody will see it
   */
  instead(body: Buffer | (() => Promise<Buffer>)): void;
}

/** What a filter gives its bytes to. All of it may be called at any time, also long after the filter was asked. */
export interface FilterOutput {
  /** The bytes are only valid during the call. */
  write(buffer: Buffer, start: number, end: number): void;
  /** Writes out what was gathered. False: the client is slow, wait for `onDrain`. */
  flush(): boolean;
  /** The answer is complete. Once. */
  end(trailers: string): void;
  /** It takes more, after its `flush` said that it does not. */
  resume(): void;
  /** It cannot go on: the client sees a connection that breaks off. */
  fail(code: FailureCode): void;
}

/** What the body of one answer goes through on its way to the client. */
export interface BodyFilter {
  /** The bytes are only valid during the call. */
  write(buffer: Buffer, start: number, end: number): void;
  /** Everything of one read has been written. False: it has enough, and says `resume` when it takes more. */
  flush(): boolean;
  /** Nothing more comes. It ends its output, now or later. */
  end(trailers: string): void;
  /** The output takes more, after its `flush` said that it does not. */
  onDrain(): void;
  /** The exchange is over, perhaps in the middle. Called once, always. */
  close(): void;
}

/** The middlewares of an exchange, as far as they have let it pass. */
export interface AnswerReview {
  /**
   * Shows them the head. undefined = one threw, which has been told, and none is asked again.
   * @param bodyLength bytes, `CHUNKED` or `UNTIL_CLOSE`; 0 = none
   */
  review(
    status: number,
    fields: Fields,
    bodyLength: number,
    isOurs: boolean,
  ): AnswerHead | undefined;
}
