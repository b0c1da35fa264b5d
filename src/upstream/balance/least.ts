// The least loaded of all, or the one that promises the earliest answer. They stand in a heap by their score,
// which `onChange` keeps right. Among equals, as in an idle service, it goes round by weight: each has a time
// at which it is due, as in `rotation.ts`. Hot: bench/balance.ts

import type { Policy, Weighed } from "./policy.ts";
import { SmoothRotation } from "./rotation.ts";
import { SlotHeap } from "./slot-heap.ts";

/**
 * Every so many picks by time one goes to an idle backend in turn. A backend that was slow once is not asked
 * again while others are faster, so nobody would learn that it has recovered. Less than 1 % of the exchanges
 * take the risk, and never two at a time with the same backend.
 */
const picksPerLook = 128;
/** How much a single answer moves what is assumed of backends that have not answered yet. */
const typicalShare = 1 / 16;

abstract class Least<B extends Weighed> implements Policy<B> {
  readonly #random: () => number;
  #backends: readonly B[] = [];
  #heap = new SlotHeap(0);
  /** When the last pick was due. */
  #now = 0;

  /** @param random 0 up to 1; so that not all workers begin with the same one */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The lowest is picked. */
  protected abstract scoreOf(backend: B): number;

  update(backends: readonly B[]): void {
    const dues = new Map<string, number>();
    for (const [slot, backend] of this.#backends.entries()) {
      dues.set(backend.url, Math.max(0, this.#heap.second[slot]! - this.#now));
      if (backend.place === slot) backend.place = -1;
    }
    const heap = new SlotHeap(backends.length);
    for (const [slot, backend] of backends.entries()) {
      backend.place = slot;
      heap.first[slot] = this.scoreOf(backend);
      heap.second[slot] = dues.get(backend.url) ?? this.#random() / backend.weight;
    }
    heap.build();
    this.#backends = backends;
    this.#heap = heap;
    this.#now = 0;
  }

  pick(_key: number, tried: readonly B[] | null): B | undefined {
    const slot = this.#heap.top(this.#backends, tried);
    return slot < 0 ? undefined : this.take(this.#backends[slot]!);
  }

  onChange(backend: B): void {
    const slot = backend.place;
    if (this.#backends[slot] !== backend) return;
    const score = this.scoreOf(backend);
    if (score === this.#heap.first[slot]) return;
    this.#heap.first[slot] = score;
    this.#heap.settle(slot);
  }

  /** Its turn is over. A long time without a turn gives no claim to many in a row. */
  protected take(backend: B): B {
    const { second } = this.#heap;
    const slot = backend.place;
    this.#now = Math.max(this.#now, second[slot]!);
    second[slot] = this.#now + 1 / backend.weight;
    this.#heap.settle(slot);
    return backend;
  }
}

/** By load for its weight. */
export class LeastConnections<B extends Weighed> extends Least<B> {
  protected scoreOf({ load, weight }: B): number {
    return load / weight;
  }
}

/**
 * By the time one more exchange would take. Who is idle and has never answered is asked next; while it has
 * not answered it counts as an average one, so that it neither gets everything nor nothing.
 */
export class LeastTime<B extends Weighed> extends Least<B> {
  readonly #rotation: SmoothRotation<B>;
  /** Average of late over all backends, ms; 0 = nobody has answered yet. */
  #typical = 0;
  #picks = 0;

  constructor(random: () => number = Math.random) {
    super(random);
    this.#rotation = new SmoothRotation(random);
  }

  override update(backends: readonly B[]): void {
    const known = backends.filter(({ latency }) => latency > 0);
    if (known.length > 0) {
      this.#typical = known.reduce((sum, { latency }) => sum + latency, 0) / known.length;
    }
    this.#rotation.update(backends);
    super.update(backends);
  }

  override pick(key: number, tried: readonly B[] | null): B | undefined {
    this.#picks += 1;
    if (this.#picks % picksPerLook === 0) {
      const backend = this.#rotation.pick(key, tried);
      if (backend?.load === 0) return this.take(backend);
    }
    return super.pick(key, tried);
  }

  override onChange(backend: B): void {
    const { latency } = backend;
    if (latency > 0) {
      const isFirst = this.#typical === 0;
      this.#typical = isFirst ? latency : this.#typical + (latency - this.#typical) * typicalShare;
    }
    super.onChange(backend);
  }

  protected scoreOf({ latency, load, weight }: B): number {
    if (latency === 0 && load === 0) return 0;
    const expected = latency > 0 ? latency : this.#typical || 1;
    return (expected * (load + 1)) / weight;
  }
}
