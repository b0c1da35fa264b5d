// Numbered slots in the order of two keys, the lowest on top; slots with equal keys stand in the order of
// their numbers. A key that changed is put right in O(log n).
// Hot: bench/balance.ts

export class SlotHeap {
  /** Keys by slot; whoever changes them calls `build` or `settle`. */
  readonly first: Float64Array;
  /** Decides where the first keys are equal. */
  readonly second: Float64Array;
  readonly #slots: Int32Array;
  /** Where each slot stands. */
  readonly #places: Int32Array;

  constructor(size: number) {
    this.first = new Float64Array(size);
    this.second = new Float64Array(size);
    this.#slots = Int32Array.from({ length: size }, (_, slot) => slot);
    this.#places = Int32Array.from(this.#slots);
  }

  /** All keys may have changed. */
  build(): void {
    for (let place = (this.#slots.length >> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** The keys of one slot have changed. */
  settle(slot: number): void {
    const place = this.#places[slot]!;
    if (!this.#rise(place)) this.#sink(place);
  }

  /**
   * The first slot whose item is not among those excluded; -1 = none is left. Nothing is moved: only below
   * an excluded one does it look further down.
   */
  top<T>(items: readonly T[], excluded: readonly T[] | null): number {
    if (excluded !== null) return this.#best(0, items, excluded);
    return this.#slots.length > 0 ? this.#slots[0]! : -1;
  }

  #best<T>(place: number, items: readonly T[], excluded: readonly T[]): number {
    if (place >= this.#slots.length) return -1;
    const slot = this.#slots[place]!;
    if (!excluded.includes(items[slot]!)) return slot;
    const left = this.#best(2 * place + 1, items, excluded);
    const right = this.#best(2 * place + 2, items, excluded);
    if (left < 0) return right;
    return right < 0 || this.#isBefore(left, right) ? left : right;
  }

  #isBefore(one: number, other: number): boolean {
    const { first, second } = this;
    if (first[one]! !== first[other]!) return first[one]! < first[other]!;
    if (second[one]! !== second[other]!) return second[one]! < second[other]!;
    return one < other;
  }

  #rise(from: number): boolean {
    const slots = this.#slots;
    const slot = slots[from]!;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!this.#isBefore(slot, slots[above]!)) break;
      this.#put(slots[above]!, place);
      place = above;
    }
    if (place === from) return false;
    this.#put(slot, place);
    return true;
  }

  #sink(from: number): void {
    const slots = this.#slots;
    const slot = slots[from]!;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= slots.length) break;
      if (below + 1 < slots.length && this.#isBefore(slots[below + 1]!, slots[below]!)) below += 1;
      if (!this.#isBefore(slots[below]!, slot)) break;
      this.#put(slots[below]!, place);
      place = below;
    }
    if (place !== from) this.#put(slot, place);
  }

  #put(slot: number, place: number): void {
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }
}
