// The middlewares of a plan in their order, and an exchange's way through them: forth until one answers, and back
// through those that let it pass. What one of them throws is the end of its exchange alone. Hot: bench/head.ts

import { inspect } from "node:util";
import type { AnswerHead, AnswerReview } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import type { ExchangeRecord } from "../http/trace-context.ts";
import { Warning } from "../lib/warning.ts";
import type { Middleware, Verdict } from "../middlewares/middleware.ts";
import { Review } from "./review.ts";

export type OnProblem = (message: string, fields?: Readonly<Record<string, string>>) => void;

/** One of a chain, and what it is called. */
export interface Link {
  readonly kind: string;
  readonly middleware: Middleware;
}

export class Chain {
  readonly links: readonly Link[];
  readonly #hasResponse: boolean;
  readonly #route: string;
  readonly #onProblem: OnProblem;
  /** By moment: one that throws does so for every request. */
  readonly #failures = new Map<string, Warning>();

  constructor(route: string, links: readonly Link[], onProblem: OnProblem) {
    this.links = links;
    this.#route = route;
    this.#onProblem = onProblem;
    this.#hasResponse = links.some(({ middleware }) => middleware.onResponse !== undefined);
  }

  /** Answers are shown to it from now on. */
  enter(exchange: Exchange): void {
    if (this.#hasResponse) exchange.answerReview = new Passed(this, exchange);
  }

  /**
   * On from where the exchange is. A promise: ask again when it is kept, unless it is a verdict.
   * @throws what a middleware throws, once it has been told
   */
  request(exchange: Exchange): Verdict | Promise<Verdict> {
    const { links } = this;
    try {
      if (exchange.record !== null) return this.#recorded(exchange, exchange.record);
      while (exchange.passed < links.length) {
        const verdict = links[exchange.passed]!.middleware.onRequest?.(exchange);
        if (verdict !== undefined) return verdict;
        exchange.passed++;
      }
      return undefined;
    } catch (error) {
      this.failed("request", error);
      throw error;
    }
  }

  /** As `request`, where somebody wants to know how long each took. */
  #recorded(exchange: Exchange, record: ExchangeRecord): Verdict | Promise<Verdict> {
    const { links } = this;
    while (exchange.passed < links.length) {
      const { kind, middleware } = links[exchange.passed]!;
      record.beginMiddleware(kind);
      const verdict = middleware.onRequest?.(exchange);
      if (verdict instanceof Promise) return verdict;
      if (verdict !== undefined) {
        record.endMiddlewares();
        return verdict;
      }
      exchange.passed++;
    }
    record.endMiddlewares();
    return undefined;
  }

  respond(exchange: Exchange, answer: AnswerHead): void {
    for (let at = exchange.passed - 1; at >= 0; at--) {
      this.links[at]?.middleware.onResponse?.(exchange, answer);
    }
  }

  /** All of them, also when one throws: another may count what runs. */
  done(exchange: Exchange): void {
    for (let at = exchange.passed - 1; at >= 0; at--) {
      try {
        this.links[at]?.middleware.onDone?.(exchange);
      } catch (error) {
        this.failed("done", error);
      }
    }
  }

  failed(moment: "request" | "response" | "done", error: unknown): void {
    let warning = this.#failures.get(moment);
    if (warning === undefined) {
      const about = { route: this.#route, moment };
      warning = new Warning("a middleware failed", about, this.#onProblem);
      this.#failures.set(moment, warning);
    }
    // Where it failed says more than that it did.
    const place = error instanceof Error ? error.stack?.split("\n")[1]?.trim() : undefined;
    warning.raise({ cause: inspect(error, { depth: 0 }).split("\n")[0] ?? "", place: place ?? "" });
  }
}

class Passed implements AnswerReview {
  readonly #chain: Chain;
  readonly #exchange: Exchange;
  readonly #onThrow = (error: unknown) => this.#chain.failed("response", error);

  constructor(chain: Chain, exchange: Exchange) {
    this.#chain = chain;
    this.#exchange = exchange;
  }

  review(
    status: number,
    fields: Fields,
    bodyLength: number,
    isOurs: boolean,
  ): AnswerHead | undefined {
    const exchange = this.#exchange;
    const review = new Review(status, fields, bodyLength, isOurs);
    try {
      this.#chain.respond(exchange, review);
      review.apply(exchange, this.#onThrow);
    } catch (error) {
      exchange.answerReview = null;
      this.#chain.failed("response", error);
      return undefined;
    }
    return review;
  }
}
