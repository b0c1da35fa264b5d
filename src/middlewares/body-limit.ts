// Refuses bodies that are too long: by the length that is said, or as soon as they are.

import type { BodyLimitUse } from "../config/middlewares/uses/body.ts";
import type { AnswerHead, BodyFilter, FilterOutput } from "../http/answer-review.ts";
import { factsOf } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Middleware, Verdict } from "./middleware.ts";

const tooLong = "ANSWER_TOO_LARGE";

export function bodyLimit({ request, answer }: BodyLimitUse): Middleware {
  return {
    ...(request > 0 && { onRequest: (exchange) => limitRequest(exchange, request) }),
    ...(answer > 0 && {
      onResponse: (exchange: Exchange, head: AnswerHead) => limitAnswer(exchange, head, answer),
    }),
  };
}

/** The stricter one counts, of the route's limit and of ours: here at once, and later as the body comes. */
function limitRequest(exchange: Exchange, most: number): Verdict {
  if (exchange.maxBody === 0 || exchange.maxBody > most) exchange.maxBody = most;
  const isTooLong = exchange.request.bodyLength > most || exchange.requestBytes > most;
  return isTooLong ? { failure: "BODY_TOO_LARGE" } : undefined;
}

function limitAnswer(exchange: Exchange, head: AnswerHead, most: number): void {
  if (head.isOurs || head.bodyLength === 0) return;
  if (head.bodyLength <= most) {
    // Whoever says how long it is keeps to it, or is cut off.
    if (head.bodyLength < 0) head.through((out) => new Counter(most, out));
    return;
  }
  const { status, text } = factsOf(tooLong);
  const body = Buffer.from(`${status} Bad Gateway\n${text}\n`);
  exchange.failure = tooLong;
  head.status = status;
  head.fields.dropWhere((name) => name !== "date");
  head.fields.add("Content-Type", "text/plain; charset=utf-8");
  head.fields.add("Cache-Control", "no-store");
  head.through((out) => new Replacement(body, out), body.length);
}

/** Passes a body on until it is too long. */
class Counter implements BodyFilter {
  #left: number;
  readonly #out: FilterOutput;

  constructor(most: number, out: FilterOutput) {
    this.#left = most;
    this.#out = out;
  }

  write(buffer: Buffer, start: number, end: number): void {
    this.#left -= end - start;
    if (this.#left < 0) this.#out.fail(tooLong);
    else this.#out.write(buffer, start, end);
  }

  flush(): boolean {
    return this.#out.flush();
  }

  end(trailers: string): void {
    this.#out.end(trailers);
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {}
}

/** Gives a text of ours instead, and stops whoever answers. */
class Replacement implements BodyFilter {
  readonly #text: Buffer;
  readonly #out: FilterOutput;
  #isGiven = false;

  constructor(text: Buffer, out: FilterOutput) {
    this.#text = text;
    this.#out = out;
  }

  write(): void {
    this.end();
  }

  flush(): boolean {
    return true;
  }

  end(): void {
    if (this.#isGiven) return;
    this.#isGiven = true;
    this.#out.write(this.#text, 0, this.#text.length);
    this.#out.end("");
  }

  onDrain(): void {}

  close(): void {}
}
