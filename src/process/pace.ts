// When a change may be told of: at once after a quiet time, and so for the first ones that follow each other. In a flood as seldom as what it
// costs allows: putting ten thousand routes together must leave the processor to requests.

export interface PaceOptions {
  /** Between any two, ms. */
  readonly quiet: number;
  /** So many may follow each other promptly. */
  readonly prompt: number;
  /** One more may after so much time without any, ms. */
  readonly promptAgain: number;
  /** Rest after the others, as a multiple of the processor time of the last one. */
  readonly restShare: number;
  /** However much that was, ms. */
  readonly restMost: number;
}

export class Pace {
  readonly #options: PaceOptions;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;
  #took = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#left = options.prompt;
  }

  /** How long to wait for the next one, ms. Call it once for each. @param now `performance.now()` */
  next(now: number): number {
    const { quiet, prompt, promptAgain, restShare, restMost } = this.#options;
    const since = now - this.#at;
    this.#left = Math.min(prompt, this.#left + since / promptAgain);
    const isPrompt = this.#left >= 1;
    if (isPrompt) this.#left--;
    const slow = Math.min(restMost, this.#took * restShare);
    return Math.max(0, (isPrompt ? quiet : Math.max(quiet, slow)) - since);
  }

  /** @param at when it was told of */
  told(at: number): void {
    this.#at = at;
  }

  /** @param ms of the processor */
  took(ms: number): void {
    this.#took = ms;
  }
}
