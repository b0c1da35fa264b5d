// Keeps retries from becoming a storm: when all backends fail, each exchange would come several times, just
// when they can bear it least. So retries are a share of the exchanges of the last ten seconds, and a few.

import { SlidingCounts } from "../lib/sliding-counts.ts";
import { retryReserve } from "../config/limits.ts";
import { type Clock, clock } from "./clock.ts";

const EXCHANGES = 0;
const RETRIES = 1;

export class RetryBudget {
  readonly #ratio: number;
  readonly #now: Clock;
  readonly #counts = new SlidingCounts(2, retryReserve.window);

  /** @param ratio retries for each exchange, 0 to 1 */
  constructor(ratio: number, { now = clock }: { readonly now?: Clock } = {}) {
    this.#ratio = ratio;
    this.#now = now;
  }

  /** An exchange begins. Its retries are not counted here. */
  count(): void {
    this.#counts.moveTo(this.#now());
    this.#counts.add(EXCHANGES);
  }

  /** Whether one more retry is granted; it counts as made then. */
  take(): boolean {
    const counts = this.#counts;
    counts.moveTo(this.#now());
    const granted = this.#ratio * counts.sum(EXCHANGES) + retryReserve.count;
    if (counts.sum(RETRIES) + 1 > granted) return false;
    counts.add(RETRIES);
    return true;
  }
}
