// What was counted within the last so many milliseconds: a ring of equal spans, each with the same counters,
// and the sums over all of them. When time moves on, the oldest span leaves the sums. So the window is
// coarse: what happened counts for between `spans - 1` and `spans` spans. Nothing is allocated by counting.

export class SlidingCounts {
  readonly #counters: number;
  readonly #spans: number;
  readonly #spanMs: number;
  /** Span after span. */
  readonly #counts: Uint32Array;
  readonly #sums: Uint32Array;
  /** Number of the span that is counted in now; goes on for ever, its place in the ring is the rest. */
  #span = -1;

  constructor(counters: number, windowMs: number, spans = 10) {
    this.#counters = counters;
    this.#spans = spans;
    this.#spanMs = windowMs / spans;
    this.#counts = new Uint32Array(counters * spans);
    this.#sums = new Uint32Array(counters);
  }

  /** What follows happens at this time, ms of any clock that never goes back. */
  moveTo(now: number): void {
    const span = Math.floor(now / this.#spanMs);
    if (span <= this.#span) return;
    if (span - this.#span >= this.#spans) this.clear();
    else for (let old = this.#span + 1; old <= span; old++) this.#drop(old % this.#spans);
    this.#span = span;
  }

  add(counter: number): void {
    const at = (this.#span % this.#spans) * this.#counters + counter;
    this.#counts[at] = this.#counts[at]! + 1;
    this.#sums[counter] = this.#sums[counter]! + 1;
  }

  sum(counter: number): number {
    return this.#sums[counter]!;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sums.fill(0);
  }

  #drop(place: number): void {
    const start = place * this.#counters;
    for (let counter = 0; counter < this.#counters; counter++) {
      this.#sums[counter] = this.#sums[counter]! - this.#counts[start + counter]!;
      this.#counts[start + counter] = 0;
    }
  }
}
