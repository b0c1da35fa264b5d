// When changes may be told of: at once, for as long as they come one by one; in a flood of them the more seldom the more routes there
// are. Putting ten thousand together keeps each process busy for a hundredth of a second or two, which must stay a small share of what
// requests have.

export interface PaceOptions {
  /** Between any two, ms. */
  readonly gap: number;
  /** So many items may change promptly, */
  readonly prompt: number;
  /** and so many more with each second. */
  readonly promptPerSecond: number;
  /** Rest after the others for each route, ms. */
  readonly restPerRoute: number;
  /** However many those are, ms. */
  readonly restMost: number;
}

export class Pace {
  /** Served since the last change. */
  routes = 0;
  readonly #options: PaceOptions;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#left = options.prompt;
  }

  /**
   * How long to wait for the next one, ms. Call it once for each.
   * @param items that have changed
   * @param now `performance.now()`
   */
  next(items: number, now: number): number {
    const { gap, prompt, promptPerSecond, restPerRoute, restMost } = this.#options;
    const since = now - this.#at;
    this.#left = Math.min(prompt, this.#left + (since / 1000) * promptPerSecond);
    const isPrompt = this.#left >= items;
    this.#left = Math.max(0, this.#left - items);
    const slow = Math.min(restMost, this.routes * restPerRoute);
    return Math.max(0, (isPrompt ? gap : Math.max(gap, slow)) - since);
  }

  /** @param at when it was told of */
  told(at: number): void {
    this.#at = at;
  }
}

/** How many are others, or elsewhere; what did not change is the same object. */
export function changedItems(before: readonly unknown[], after: readonly unknown[]): number {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const old = new Set(before.slice(head, before.length - tail));
  const come = after.slice(head, after.length - tail).filter((each) => !old.delete(each));
  // What one change replaces is gone and come.
  return Math.max(come.length, old.size);
}
