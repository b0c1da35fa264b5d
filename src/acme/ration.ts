// So many in a while, and no more: what others have us do must not use up what an authority grants us.

export interface RationLimits {
  readonly count: number;
  /** ms */
  readonly within: number;
}

export class Ration {
  readonly #limits: RationLimits;
  /** When each was taken; the oldest first, by a clock that nobody sets. */
  #taken: readonly number[] = [];

  constructor(limits: RationLimits) {
    this.#limits = limits;
  }

  /** How long until there is one, ms; 0 = now. */
  wait(now = performance.now()): number {
    const { count, within } = this.#limits;
    this.#taken = this.#taken.filter((each) => now - each < within);
    const [oldest] = this.#taken;
    return oldest === undefined || this.#taken.length < count ? 0 : oldest + within - now;
  }

  take(now = performance.now()): void {
    this.#taken = [...this.#taken, now];
  }
}
