// The head of one answer while the middlewares look at it, and the filters they put its body through.

import { errorPageLimits } from "../config/answer-limits.ts";
import type { AnswerHead, BodyFilter, FilterOutput } from "../http/answer-review.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { CHUNKED } from "../http/framing.ts";
import { FilteredClient } from "./filtered-client.ts";

interface Filter {
  make(out: FilterOutput): BodyFilter;
  readonly length: number;
}

export class Review implements AnswerHead {
  status: number;
  readonly fields: Fields;
  bodyLength: number;
  readonly isOurs: boolean;
  #filters: Filter[] | undefined;

  constructor(status: number, fields: Fields, bodyLength: number, isOurs: boolean) {
    this.status = status;
    this.fields = fields;
    this.bodyLength = bodyLength;
    this.isOurs = isOurs;
  }

  through(make: (out: FilterOutput) => BodyFilter, bodyLength = CHUNKED): void {
    if (this.bodyLength === 0) return;
    (this.#filters ??= []).push({ make, length: bodyLength });
    // What the next one gets.
    this.bodyLength = bodyLength;
  }

  instead(body: Buffer | (() => Promise<Buffer>)): void {
    const length = Buffer.isBuffer(body) ? body.length : CHUNKED;
    this.bodyLength = length;
    this.#filters = [{ make: (out) => new Replaced(out, body), length }];
  }

  /**
   * The body will go through what was named.
   * @param onThrow told what a filter threw; that is the end of its exchange
   * @throws when one cannot be made: then there is none
   */
  apply(exchange: Exchange, onThrow: (error: unknown) => void): void {
    const length = this.#filters?.at(-1)?.length;
    if (this.#filters === undefined || length === undefined) return;
    this.fields.drop(Field.CONTENT_LENGTH);
    this.fields.dropNamed("content-length");
    if (length >= 0) this.fields.add("Content-Length", String(length));
    if (exchange.method === "HEAD") return;
    const { client } = exchange;
    try {
      for (const { make } of this.#filters.toReversed()) {
        FilteredClient.put(exchange, make, length, onThrow);
      }
    } catch (error) {
      exchange.filtered?.close();
      exchange.filtered = null;
      exchange.client = client;
      throw error;
    }
  }
}

/** What came is read and dropped: the backend's connection can be used again. */
class Replaced implements BodyFilter {
  readonly #out: FilterOutput;
  /** undefined = it is not here yet. */
  #body: Buffer | undefined;
  #isGiven = false;
  #isEnded = false;
  #dropped = 0;

  constructor(out: FilterOutput, body: Buffer | (() => Promise<Buffer>)) {
    this.#out = out;
    if (Buffer.isBuffer(body)) this.#body = body;
    else void body().then((found) => this.#come(found));
  }

  #come(body: Buffer): void {
    this.#body = body;
    this.#give();
    if (this.#isEnded) this.#out.end("");
    else this.flush();
  }

  #give(): void {
    if (this.#isGiven || this.#body === undefined) return;
    this.#isGiven = true;
    this.#out.write(this.#body, 0, this.#body.length);
  }

  write(_buffer: Buffer, start: number, end: number): void {
    this.#give();
    this.#dropped += end - start;
  }

  flush(): boolean {
    const isFlowing = this.#out.flush();
    // Nobody waits for the rest of it.
    if (this.#isGiven && this.#dropped > errorPageLimits.dropped) this.#out.end("");
    return isFlowing;
  }

  end(): void {
    this.#isEnded = true;
    this.#give();
    if (this.#isGiven) this.#out.end("");
  }

  onDrain(): void {
    this.#out.resume();
  }

  close(): void {}
}
