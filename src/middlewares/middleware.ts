// The contract of a middleware: up to three moments of an exchange, no sockets, no next(). An object is made once for
// each place that uses it (a route, a service, a listener) and kept as long as its settings stay as they are, over any
// number of snapshots; a moment it does not need is left out and costs nothing.

import type { LiveDocument } from "../config/documents.ts";
import type { Exchange } from "../http/exchange.ts";
import type { AnswerHead } from "../http/answer-review.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Peers } from "../peers/peers.ts";

/** An answer given instead of a backend's. */
export interface Answer {
  readonly status: number;
  /** Names and values; checked to hold no line breaks. Content-Length is added. */
  readonly fields: readonly (readonly [string, string])[];
  /** One byte a character (latin1). */
  readonly body: string;
}

/** A failure instead of an answer: its page, its name in the access log, its paragraph in the reference. */
export interface Refusal {
  readonly failure: FailureCode;
  /** Instead of the failure's own. */
  readonly status?: number;
  readonly fields?: readonly (readonly [string, string])[];
}

/** undefined = the exchange goes on. */
export type Verdict = Answer | Refusal | undefined;

/**
 * The moments after `onRequest` come only to those that let the exchange pass, the last one first: who answers or refuses
 * sees no more of it, and whoever stands behind has never seen it.
 */
export interface Middleware {
  /**
   * Before a backend is chosen. What the client sends meanwhile is kept, within bounds, while a promise is waited for; the
   * exchange may be over when it is kept (`isDone`).
   */
  readonly onRequest?: (exchange: Exchange) => Verdict | Promise<Verdict>;
  /** Before the head of an answer is written: a backend's, that of a file, of the cache, of a later middleware, of a failure. */
  readonly onResponse?: (exchange: Exchange, answer: AnswerHead) => void;
  /** When everything is over, aborted exchanges included. */
  readonly onDone?: (exchange: Exchange) => void;
  /** Nobody begins with it any more; exchanges that passed it may still run. */
  readonly close?: () => void;
}

/** A page that a service is asked for, in the place of another answer. */
export interface AskedPage {
  readonly service: string;
  /** With its query, if it has one. */
  readonly uri: string;
  /** An answer with this status will do, as any of 200 to 299. */
  readonly status: number;
}

/** What a middleware may ask of the process that it runs in. */
export interface MiddlewareApi {
  /** Who uses it: `route a.example`, `service web`, `listener secure`. */
  readonly owner: string;
  /** For times to wait of tenths of seconds and more. */
  readonly wheel: Wheel;
  /** To the log, at most once in some seconds for each message. */
  warn(message: string, fields?: Readonly<Record<string, string>>): void;
  /** The other workers, for what has to hold over all of them. */
  readonly peers: Peers;
  /**
   * A file or the answer of a URL that its settings name in `documents`; undefined = it could not be had yet. Asked for with
   * each exchange: the same object as long as nothing changed.
   */
  document(name: string): LiveDocument | undefined;
  /** Asks a service by GET, past all middlewares. Never rejects; undefined = there is none that can be shown, in time. */
  page(exchange: Exchange, asked: AskedPage): Promise<Buffer | undefined>;
  /** What cookies are made with: hex; others behind it, after a space each, made cookies before. */
  secret(): string;
}
