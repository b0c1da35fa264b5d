// Cuts a service off while an expression over its last exchanges holds. Open, nothing passes for a while;
// then, recovering, a growing share does, and if the expression holds for those it opens again. There is no
// timer: time is looked at when an exchange comes or has ended.

import type { Breaker } from "../config/service.ts";
import { BreakerWindow } from "./breaker-window.ts";
import { type Clock, clock } from "./clock.ts";

export type BreakerState = "closed" | "open" | "recovering";

export interface BreakerOptions {
  readonly now?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export class CircuitBreaker {
  readonly #settings: Breaker;
  readonly #window: BreakerWindow;
  readonly #now: Clock;
  readonly #random: () => number;
  #state: BreakerState = "closed";
  /** When it came to this state. */
  #since: number;
  /** When the expression is looked at again. */
  #nextLook: number;

  constructor(settings: Breaker, { now = clock, random = Math.random }: BreakerOptions = {}) {
    this.#settings = settings;
    this.#window = new BreakerWindow(settings.expression);
    this.#now = now;
    this.#random = random;
    this.#since = now();
    this.#nextLook = this.#since + settings.checkPeriod;
  }

  /** Looking changes nothing: an open breaker begins to recover when the next exchange comes. */
  get state(): BreakerState {
    const isOver = this.#now() - this.#since >= this.#length;
    if (!isOver || this.#state === "closed") return this.#state;
    return this.#state === "open" && this.#settings.recoveryDuration > 0 ? "recovering" : "closed";
  }

  /** Whether an exchange may go to a backend. What is refused here must not be recorded. */
  allows(): boolean {
    const now = this.#now();
    this.#look(now);
    if (this.#state === "open") {
      if (now - this.#since < this.#length) return false;
      this.#enter("recovering", now);
    }
    if (this.#state === "recovering") {
      const elapsed = now - this.#since;
      if (elapsed < this.#length) return this.#random() < elapsed / this.#length;
      this.#enter("closed", now);
    }
    return true;
  }

  /**
   * An exchange that was allowed has its answer, or will get none.
   * @param status 0 = no answer
   * @param ms until the answer began
   */
  record(status: number, ms: number): void {
    // Who went in before it opened says nothing of how things are when it is over.
    if (this.#state === "open") return;
    const now = this.#now();
    this.#window.record(status, ms, now);
    this.#look(now);
  }

  /** How long the state lasts, ms. */
  get #length(): number {
    return this.#state === "open"
      ? this.#settings.fallbackDuration
      : this.#settings.recoveryDuration;
  }

  #look(now: number): void {
    if (this.#state === "open" || now < this.#nextLook) return;
    this.#nextLook = now + this.#settings.checkPeriod;
    if (!this.#window.holds(now)) return;
    this.#enter("open", now);
    this.#window.clear();
  }

  #enter(state: BreakerState, now: number): void {
    this.#state = state;
    this.#since = now;
  }
}
