// The contract of a middleware: up to three moments of an exchange, no sockets, no next(). An object is
// made once for each route when the configuration is loaded; a moment it does not need is left out and
// costs nothing.

import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";

/** An answer given instead of a backend's. */
export interface Answer {
  readonly status: number;
  /** Names and values; checked to hold no line breaks. Content-Length is added. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

/** An answer as it comes back, before its head is written. */
export interface AnswerHead {
  readonly status: number;
  /** What will be passed on; may be changed. */
  readonly fields: Fields;
}

export interface Middleware {
  /** Before a backend is chosen. An answer ends the chain. */
  readonly onRequest?: (exchange: Exchange) => Answer | undefined;
  /** Before the head of a backend's answer is written. In reverse order. */
  readonly onResponse?: (exchange: Exchange, answer: AnswerHead) => void;
  /** When everything is over, aborted exchanges included. In reverse order. */
  readonly onDone?: (exchange: Exchange) => void;
}
