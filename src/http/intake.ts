// A filter between a client and whoever carries its exchange: the body of the request goes through it. Several stand in a
// row, the one that was put last next to the carrier. Whoever carries slows it down as if it were the client.

import type { BodyFilter, FilterOutput } from "./answer-review.ts";
import type { FailureCode } from "./errors.ts";
import type { ClientSide, Exchange, RequestSink, TunnelEnd } from "./exchange.ts";

export class Intake implements RequestSink, ClientSide {
  readonly #exchange: Exchange;
  readonly #inner: ClientSide;
  readonly #filter: BodyFilter;
  /** The one behind it; null = whoever carries the exchange by then. */
  #next: Intake | null = null;
  #isPaused = false;
  #isTunnel = false;
  #isClosed = false;

  private constructor(exchange: Exchange, make: (out: FilterOutput) => BodyFilter) {
    this.#exchange = exchange;
    this.#inner = exchange.client;
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
      resume: () => this.#inner.resumeRequest(),
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
    if (!this.#isClosed && !this.#filter.flush()) this.#inner.pauseRequest();
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

  pauseRequest(): void {
    if (this.#isTunnel || this.#isClosed) this.#inner.pauseRequest();
    else this.#isPaused = true;
  }

  resumeRequest(): void {
    // It may also have been paused before there was a filter.
    if (this.#isTunnel || !this.#isPaused) this.#inner.resumeRequest();
    this.#isPaused = false;
    if (!this.#isTunnel && !this.#isClosed) this.#filter.onDrain();
  }

  writeInterim(text: string): void {
    this.#inner.writeInterim(text);
  }

  writeHead(status: number, head: string, bodyLength: number): void {
    this.#inner.writeHead(status, head, bodyLength);
  }

  writeData(buffer: Buffer, start: number, end: number): void {
    this.#inner.writeData(buffer, start, end);
  }

  writeText(text: string): void {
    this.#inner.writeText(text);
  }

  endAnswer(trailers: string): void {
    this.#inner.endAnswer(trailers);
  }

  flush(): boolean {
    return this.#inner.flush();
  }

  hold(isHeld: boolean): void {
    this.#inner.hold(isHeld);
  }

  abort(): void {
    this.#inner.abort();
  }

  closeAfterAnswer(): void {
    this.#inner.closeAfterAnswer();
  }

  endTunnel(): void {
    this.#inner.endTunnel();
  }

  finishTunnel(): void {
    this.#inner.finishTunnel();
  }

  startTunnel(tunnel: TunnelEnd): void {
    this.#isTunnel = true;
    this.#inner.startTunnel(tunnel);
  }
}
