// A filter in front of the connection: what is answered goes through it. Several stand in a row, and each takes the next
// one for the connection.

import type { BodyFilter, FilterOutput } from "../http/answer-review.ts";
import type { FailureCode } from "../http/errors.ts";
import type { ClientSide, Exchange, FilteredSide } from "../http/exchange.ts";
import { PassingClient } from "../http/passing-client.ts";

export class FilteredClient extends PassingClient implements FilteredSide {
  readonly #exchange: Exchange;
  readonly #filter: BodyFilter;
  readonly #onThrow: (error: unknown) => void;
  /** Of what comes out of the last one. */
  readonly #bodyLength: number;
  /** The one before it; null = whoever answers is before it. */
  outer: FilteredClient | null = null;
  isEnded = false;
  #isHeadFlushed = false;
  /** Nothing more comes to it. */
  isFed = false;
  #isClosed = false;

  private constructor(
    exchange: Exchange,
    make: (out: FilterOutput) => BodyFilter,
    bodyLength: number,
    onThrow: (error: unknown) => void,
  ) {
    super(exchange.client);
    this.#exchange = exchange;
    this.#bodyLength = bodyLength;
    this.#onThrow = onThrow;
    this.#filter = make(new Output(exchange, this, this.inner));
  }

  /** Puts a filter before those that are there already. */
  static put(
    exchange: Exchange,
    make: (out: FilterOutput) => BodyFilter,
    bodyLength: number,
    onThrow: (error: unknown) => void,
  ): void {
    const { client } = exchange;
    const filtered = new FilteredClient(exchange, make, bodyLength, onThrow);
    if (client instanceof FilteredClient) client.outer = filtered;
    else exchange.filtered = filtered;
    exchange.client = filtered;
  }

  // --- from whoever answers ----------------------------------------------------------------------

  override writeHead(status: number, head: string): void {
    this.inner.writeHead(status, head, this.#bodyLength);
  }

  override writeData(buffer: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    try {
      this.#filter.write(buffer, start, end);
    } catch (error) {
      this.#throw(error);
    }
  }

  override writeText(text: string): void {
    this.writeData(Buffer.from(text, "latin1"), 0, text.length);
  }

  override endAnswer(trailers: string): void {
    this.isFed = true;
    if (this.isOver) return;
    try {
      this.#filter.end(trailers);
    } catch (error) {
      this.#throw(error);
    }
  }

  override flush(): boolean {
    if (this.isOver) return true;
    try {
      const takesMore = this.#filter.flush();
      // A filter may keep all that there is so far: the head does not wait for it.
      if (!this.#isHeadFlushed && !this.isOver) this.inner.flush();
      this.#isHeadFlushed = true;
      return takesMore;
    } catch (error) {
      this.#throw(error);
      return true;
    }
  }

  override abort(): void {
    this.close();
    this.inner.abort();
  }

  /** Nothing of the filter goes anywhere any more. */
  get isOver(): boolean {
    return this.#isClosed || this.isEnded;
  }

  // --- from the connection, or the filter behind -------------------------------------------------

  onClientDrain(): void {
    if (this.isOver) return;
    try {
      this.#filter.onDrain();
    } catch (error) {
      this.#throw(error);
    }
  }

  #throw(error: unknown): void {
    this.#onThrow(error);
    giveUp(this.#exchange, "INTERNAL");
  }

  /** With all before it. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#filter.close();
    } catch (error) {
      this.#onThrow(error);
    }
    this.outer?.close();
  }
}

/** What the filter gives. */
class Output implements FilterOutput {
  readonly #exchange: Exchange;
  readonly #side: FilteredClient;
  readonly #inner: ClientSide;

  constructor(exchange: Exchange, side: FilteredClient, inner: ClientSide) {
    this.#exchange = exchange;
    this.#side = side;
    this.#inner = inner;
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (!this.#side.isOver && end > start) this.#inner.writeData(buffer, start, end);
  }

  flush(): boolean {
    return this.#side.isOver || this.#inner.flush();
  }

  end(trailers: string): void {
    if (this.#side.isOver) return;
    this.#side.isEnded = true;
    // Whoever answers has more, which nobody wants.
    if (!this.#side.isFed) this.#exchange.sink?.onRequestFailed("CLIENT_CLOSED");
    this.#inner.endAnswer(trailers);
  }

  resume(): void {
    if (!this.#side.isOver) (this.#side.outer ?? this.#exchange.sink)?.onClientDrain();
  }

  fail(code: FailureCode): void {
    if (!this.#side.isOver) giveUp(this.#exchange, code);
  }
}

/** The answer is broken off, and whoever gives it told so. */
function giveUp(exchange: Exchange, code: FailureCode): void {
  if (exchange.isDone) return;
  exchange.failure ??= code;
  exchange.sink?.onRequestFailed("CLIENT_CLOSED");
  exchange.client.abort();
}
