// Smooth weighted round robin. In one turn of the wheel a backend of weight w is due w times, at even
// distances: at (0 + wait)/w, (1 + wait)/w, … of the turn; who is due first is picked. So the picks of a heavy
// backend are spread over those of the others, and after sum(weights) picks each had exactly its weight, since
// the same places of the turn come again. A fractional weight, as during slow start, walks on by 1/w instead.
//
// Backends of equal weight stand in a line with a finger on the next one. Hot: bench/balance.ts

import type { Policy, Weighed } from "./policy.ts";
import { SlotHeap } from "./slot-heap.ts";

export class SmoothRotation<B extends Weighed> implements Policy<B> {
  readonly #random: () => number;
  #backends: readonly B[] = [];
  #weights = new Float64Array(0);
  #isEven = true;
  /** Even: slots in the order of their turns, and whose turn it is. */
  #line = new Int32Array(0);
  #next = 0;
  /** Uneven: slots by when they are due, turn and part of the turn; and when the last pick was due. */
  #heap = new SlotHeap(0);
  #turn = 0;
  #part = 0;
  /** By slot: how often it was due in this turn, and how far behind the even distances it is, 0 to 1. */
  #counts = new Float64Array(0);
  #waits = new Float64Array(0);

  /** @param random 0 up to 1; where the first turn begins, so that not all workers begin with the same one */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  update(backends: readonly B[]): void {
    if (this.#isSame(backends)) {
      this.#backends = backends;
      return;
    }
    const waits = this.#waitsOf(backends);
    this.#backends = backends;
    this.#weights = Float64Array.from(backends, ({ weight }) => weight);
    this.#isEven = this.#weights.every((weight) => weight === this.#weights[0]);
    this.#waits = waits;
    if (this.#isEven) this.#formLine();
    else this.#formHeap();
  }

  pick(_key: number, tried: readonly B[] | null): B | undefined {
    return this.#isEven ? this.#pickFromLine(tried) : this.#pickFromHeap(tried);
  }

  /** Whoever was tried changes places with who is picked instead, and so keeps its turn. */
  #pickFromLine(tried: readonly B[] | null): B | undefined {
    const line = this.#line;
    const { length } = line;
    let at = this.#next;
    for (let step = 0; step < length; step++) {
      const slot = line[at]!;
      const backend = this.#backends[slot]!;
      if (tried === null || !tried.includes(backend)) {
        line[at] = line[this.#next]!;
        line[this.#next] = slot;
        this.#next = this.#next + 1 < length ? this.#next + 1 : 0;
        return backend;
      }
      at = at + 1 < length ? at + 1 : 0;
    }
    return undefined;
  }

  #pickFromHeap(tried: readonly B[] | null): B | undefined {
    const heap = this.#heap;
    const slot = heap.top(this.#backends, tried);
    if (slot < 0) return undefined;
    this.#turn = heap.first[slot]!;
    this.#part = heap.second[slot]!;
    this.#advance(slot);
    heap.settle(slot);
    return this.#backends[slot];
  }

  /** To when it is due next. A whole weight's parts are computed from the count: errors never add up. */
  #advance(slot: number): void {
    const { first, second } = this.#heap;
    const weight = this.#weights[slot]!;
    if (Number.isInteger(weight)) {
      const count = this.#counts[slot]! + 1;
      const isOver = count >= weight;
      if (isOver) first[slot] = first[slot]! + 1;
      this.#counts[slot] = isOver ? 0 : count;
      second[slot] = (this.#counts[slot] + this.#waits[slot]!) / weight;
    } else {
      const due = second[slot]! + 1 / weight;
      const turns = Math.floor(due);
      first[slot] = first[slot]! + turns;
      second[slot] = due - turns;
    }
  }

  #isSame(backends: readonly B[]): boolean {
    const known = this.#backends;
    return (
      backends.length === known.length &&
      backends.every(({ url, weight }, slot) => {
        return url === known[slot]!.url && weight === this.#weights[slot];
      })
    );
  }

  /**
   * How long each must wait for its turn, as a share of the distance between two of its turns. Whoever was
   * there before waits on as it did, with whatever weight it has now; newcomers are spread.
   */
  #waitsOf(backends: readonly B[]): Float64Array<ArrayBuffer> {
    const before = new Map(this.#backends.map(({ url }, slot) => [url, slot]));
    const known = this.#isEven ? this.#waitsInLine() : this.#waitsInHeap();
    const from = this.#random();
    return Float64Array.from(backends, ({ url }, slot) => {
      const was = before.get(url);
      return was === undefined ? ((slot + 0.5) / backends.length + from) % 1 : known[was]!;
    });
  }

  #waitsInLine(): Float64Array {
    const { length } = this.#line;
    const waits = new Float64Array(length);
    for (const [at, slot] of this.#line.entries()) {
      waits[slot] = (((at - this.#next + length) % length) + 0.5) / length;
    }
    return waits;
  }

  #waitsInHeap(): Float64Array {
    const { first, second } = this.#heap;
    return this.#weights.map((weight, slot) => {
      const due = first[slot]! - this.#turn + (second[slot]! - this.#part);
      return Math.min(1, Math.max(0, due * weight));
    });
  }

  #formLine(): void {
    const waits = this.#waits;
    const slots = [...waits.keys()].sort((a, b) => waits[a]! - waits[b]! || a - b);
    this.#line = Int32Array.from(slots);
    this.#next = 0;
  }

  #formHeap(): void {
    const heap = new SlotHeap(this.#backends.length);
    for (const [slot, weight] of this.#weights.entries()) {
      const due = this.#waits[slot]! / weight;
      // A whole weight is due within the turn, at its very end at the latest.
      heap.first[slot] = due > 1 ? Math.floor(due) : 0;
      heap.second[slot] = due > 1 ? due % 1 : due;
    }
    heap.build();
    this.#heap = heap;
    this.#counts = new Float64Array(this.#backends.length);
    this.#turn = 0;
    this.#part = 0;
  }
}
