// How long to wait before the next try: longer each time, and short again after a success.

export interface BackoffSettings {
  /** First wait, ms. */
  readonly first: number;
  /** Longest wait, ms. */
  readonly longest: number;
  /** What lasted so long, ms, was no failure to begin with. */
  readonly forgottenAfter: number;
}

export class Backoff {
  readonly #settings: BackoffSettings;
  #next: number;

  constructor(settings: BackoffSettings) {
    this.#settings = settings;
    this.#next = settings.first;
  }

  /** @param lasted how long the last try did its work, ms. @returns how long to wait now, ms. */
  next(lasted: number): number {
    const { first, longest, forgottenAfter } = this.#settings;
    if (lasted >= forgottenAfter) this.#next = first;
    const wait = this.#next;
    this.#next = Math.min(longest, wait * 2);
    return wait;
  }
}
