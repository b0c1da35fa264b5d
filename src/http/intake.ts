// A filter between a client and whoever carries its exchange: the body of the request goes through it. Several stand in a
// row, the one that was put last next to the carrier. Whoever carries slows it down as if it were the client.

import type { BodyFilter, FilterOutput } from "./answer-review.ts";
import type { FailureCode } from "./errors.ts";
import type { Exchange, RequestSink, TunnelEnd } from "./exchange.ts";
import { PassingClient } from "./passing-client.ts";

export class Intake extends PassingClient implements RequestSink {
  readonly #exchange: Exchange;
  readonly #filter: BodyFilter;
  /** The one behind it; null = whoever carries the exchange by then. */
  #next: Intake | null = null;
  #isPaused = false;
  #isTunnel = false;
  #isClosed = false;

  private constructor(exchange: Exchange, make: (out: FilterOutput) => BodyFilter) {
    super(exchange.client);
    this.#exchange = exchange;
    this.#filter = make(this.#output());
  }

  /** Before anybody carries the exchange. Whoever puts it closes it when the exchange is over. */
  static put(exchange: Exchange, make: (out: FilterOutput) => BodyFilter): Intake {
    const { client } = exchange;
    const intake = new Intake(exchange, make);
    if (client instanceof Intake) client.#next = intake;
    else exchange.intake = intake;
    exchange.client = intake;
    return intake;
  }

  /** Where what has come out of it goes. */
  get receiver(): RequestSink | null {
    return this.#next ?? this.#exchange.sink;
  }

  #output(): FilterOutput {
    return {
      write: (buffer, start, end) => {
        if (!this.#isClosed && end > start) this.receiver?.onRequestData(buffer, start, end);
      },
      flush: () => {
        if (!this.#isClosed) this.receiver?.onRequestFlush();
        return !this.#isPaused;
      },
      end: (trailers) => {
        if (this.#isClosed) return;
        this.receiver?.onRequestEnd(trailers);
        // Nothing of the client's comes any more that would be followed by one.
        this.receiver?.onRequestFlush();
      },
      resume: () => this.inner.resumeRequest(),
      fail: (code) => this.onRequestFailed(code),
    };
  }

  /** Nothing goes through it any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#filter.close();
  }

  // --- from the client ---------------------------------------------------------------------------

  onRequestData(buffer: Buffer, start: number, end: number): void {
    if (!this.#isClosed) this.#filter.write(buffer, start, end);
  }

  onRequestEnd(trailers: string): void {
    if (!this.#isClosed) this.#filter.end(trailers);
  }

  onRequestFlush(): void {
    if (!this.#isClosed && !this.#filter.flush()) this.inner.pauseRequest();
  }

  onClientDrain(): void {
    this.receiver?.onClientDrain();
  }

  onRequestFailed(code: FailureCode): void {
    if (this.#isClosed) return;
    this.close();
    this.receiver?.onRequestFailed(code);
  }

  // --- from whoever carries the exchange ---------------------------------------------------------

  override pauseRequest(): void {
    if (this.#isTunnel || this.#isClosed) this.inner.pauseRequest();
    else this.#isPaused = true;
  }

  override resumeRequest(): void {
    // It may also have been paused before there was a filter.
    if (this.#isTunnel || !this.#isPaused) this.inner.resumeRequest();
    this.#isPaused = false;
    if (!this.#isTunnel && !this.#isClosed) this.#filter.onDrain();
  }

  override startTunnel(tunnel: TunnelEnd): void {
    this.#isTunnel = true;
    this.inner.startTunnel(tunnel);
  }
}
