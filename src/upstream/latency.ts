// How long a backend takes to answer: an average in which an answer counts half as much every ten seconds.
// Answers are weighed by their age alone, so many at once count as many, and a rare one after a long silence
// stands for itself.

import { type Clock, clock } from "./clock.ts";

// Long enough that one slow answer among hundreds is no news, short enough to notice a backend that recovers.
const halfLifeMs = 10_000;

export class Latency {
  /** Milliseconds; 0 = none yet. Stays as it is while nothing is added. */
  value = 0;
  readonly #now: Clock;
  /** Answers, each as much as it still counts. */
  #weight = 0;
  #last = 0;

  constructor({ now = clock }: { readonly now?: Clock } = {}) {
    this.#now = now;
  }

  add(ms: number): void {
    const now = this.#now();
    this.#weight = this.#weight * 0.5 ** ((now - this.#last) / halfLifeMs) + 1;
    this.#last = now;
    this.value += (ms - this.value) / this.#weight;
  }
}
