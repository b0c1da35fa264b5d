// When the peer is told that it may send more, on a connection and on each of its streams. The connection's window is
// given back as bytes are handed on, so that a stream that is not read does not hold up the others; only what paused
// streams hold is bounded: beyond one window of the connection it is not given back before they go on.

import { initialWindow, ReceiveWindow } from "./receive-window.ts";
import type { Stream } from "./stream.ts";
import { WindowBudget } from "./window-budget.ts";

export interface CreditHost {
  /** Tells the peer. @param id 0 = the connection */
  grantWindow(id: number, increment: number): void;
}

export class Credit {
  readonly #host: CreditHost;
  readonly #windowBytes: number;
  readonly #window = new ReceiveWindow();
  readonly #budget: WindowBudget;
  /** Bytes that paused streams hold. */
  #held = 0;

  /** @param windowBytes of the connection, and what its streams may grow by */
  constructor(host: CreditHost, windowBytes: number) {
    this.#host = host;
    this.#windowBytes = windowBytes;
    this.#budget = new WindowBudget(windowBytes);
  }

  /** A frame of DATA begins. False: it is more than the connection's window. */
  take(bytes: number): boolean {
    // With the first body there is reason to take more at once.
    if (this.#window.size < this.#windowBytes) this.#window.grow(this.#windowBytes);
    return this.#window.take(bytes);
  }

  /** It was handed to the stream's user. */
  taken(stream: Stream, bytes: number): void {
    stream.window!.giveBack(bytes);
    if (!stream.isPaused) {
      this.#window.giveBack(bytes);
      this.#grantStream(stream);
      return;
    }
    stream.heldBytes += bytes;
    this.#held += bytes;
    if (this.#held > this.#windowBytes + this.#budget.taken) stream.withheldBytes += bytes;
    else this.#window.giveBack(bytes);
  }

  /** Nobody took it, or it was the last. */
  dropped(bytes: number): void {
    this.#window.giveBack(bytes);
  }

  grant(): void {
    if (this.#window.isDue) this.#host.grantWindow(0, this.#window.grant());
  }

  /** A stream takes more again. */
  resumed(stream: Stream): void {
    this.#release(stream);
    this.#grantStream(stream);
  }

  /** A stream is over. */
  forget(stream: Stream): void {
    const { window } = stream;
    this.#release(stream);
    if (window === null) return;
    stream.window = null;
    if (window.size > initialWindow) this.#budget.giveBack(window.size - initialWindow);
  }

  /** What may still come on a stream. */
  left(stream: Stream): number {
    return stream.window === null ? initialWindow : Math.max(0, stream.window.left);
  }

  #grantStream(stream: Stream): void {
    const { window } = stream;
    if (window === null || !window.isDue || stream.isPeerEnded || stream.isClosed) return;
    // It was held up by its window alone.
    if (window.isTight && !stream.wasPaused && this.#budget.take(window.size))
      window.grow(2 * window.size);
    stream.wasPaused = stream.isPaused;
    this.#host.grantWindow(stream.id, window.grant());
  }

  /** What came on it is not held any more. */
  #release(stream: Stream): void {
    this.#held -= stream.heldBytes;
    stream.heldBytes = 0;
    if (stream.withheldBytes === 0) return;
    this.#window.giveBack(stream.withheldBytes);
    stream.withheldBytes = 0;
    this.grant();
  }
}
