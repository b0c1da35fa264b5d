// Exchanges that wait until a backend of their service can be used, or until an operator ends a pause: in
// the order they came, each for as long as it may, and no more than so many of them.

import { type Ticket, WaitingLine } from "../lib/waiting-line.ts";
import type { Wheel } from "../lib/wheel.ts";

/** Told one of the two, once, unless it cancels; never within `add`. */
export interface Held {
  onReleased(): void;
  onHeldTooLong(): void;
}

export type HoldTicket = Ticket<Held>;

export class HoldQueue {
  readonly #line: WaitingLine<Held>;

  /** @param most how many may wait at once */
  constructor(wheel: Wheel, most: number) {
    this.#line = new WaitingLine(wheel, most, (held) => held.onHeldTooLong());
  }

  get size(): number {
    return this.#line.size;
  }

  /** undefined = the queue is full. 0 ms = waits for ever. */
  add(held: Held, ms: number): HoldTicket | undefined {
    return this.#line.add(held, ms);
  }

  /** It no longer waits: its client is gone. */
  cancel(ticket: HoldTicket): void {
    this.#line.cancel(ticket);
  }

  releaseAll(): void {
    this.release(this.#line.size);
  }

  /** Lets so many go on. Who has to wait again at once joins the end, and is not let go twice. */
  release(count: number): void {
    const newest = this.#line.joined;
    for (let left = count; left > 0; left--) {
      const held = this.#line.shift(newest);
      if (held === undefined) return;
      held.onReleased();
    }
  }
}
