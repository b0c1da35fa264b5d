// A service whose containers are started because somebody asks for it: since when it is wanted, and whether
// that has come to nothing. Who starts them is told again and again while anybody asks or waits, since what is
// told can get lost with the process it was told to.

import type { OnDemand } from "../config/service.ts";
import { demandPace } from "../config/limits.ts";

export class Demand {
  readonly #onWanted: () => void;
  settings: OnDemand;
  /** `performance.now()` when the first of those who are still waited for asked; -1 = nobody is. */
  #since = -1;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(settings: OnDemand, onWanted: () => void) {
    this.settings = settings;
    this.#onWanted = onWanted;
  }

  /** Somebody asks and finds nobody. False: it did not start in time, which is how it stays for a while. */
  want(): boolean {
    const now = performance.now();
    const { startTimeout } = this.settings;
    if (this.#since < 0 || now - this.#since >= startTimeout + demandPace.rest) this.#since = now;
    if (now - this.#since >= startTimeout) return false;
    this.repeat(now);
    return true;
  }

  /** Somebody waits. */
  repeat(now = performance.now()): void {
    if (now - this.#toldAt < demandPace.repeat) return;
    this.#toldAt = now;
    this.#onWanted();
  }

  /** It answers. */
  met(): void {
    this.#since = -1;
  }
}
