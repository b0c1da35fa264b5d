// By chance, in proportion to the weights, with one random number and one table look-up however many there
// are: Walker's alias method. Every slot of the table is shared by at most two backends. Hot: bench/balance.ts

import type { Policy, Weighed } from "./policy.ts";

/**
 * Draws before it takes any that may be taken. That many fail only where those excluded have nearly all the
 * weight, and then the proportion among the rest hardly matters.
 */
const maxDraws = 8;

export class WeightedRandom<B extends Weighed> implements Policy<B> {
  readonly #random: () => number;
  #backends: readonly B[] = [];
  /** Of each slot: the share of its own backend; the rest is the other's. */
  #shares = new Float64Array(0);
  #others = new Int32Array(0);

  /** @param random 0 up to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  update(backends: readonly B[]): void {
    const { length } = backends;
    const total = backends.reduce((sum, { weight }) => sum + weight, 0);
    const shares = Float64Array.from(backends, ({ weight }) => (weight * length) / total);
    // Shared with itself at first: errors of rounding leave somebody over who then has its slot alone.
    const others = Int32Array.from({ length }, (_, slot) => slot);
    const poor: number[] = [];
    const rich: number[] = [];
    for (const [slot, share] of shares.entries()) (share < 1 ? poor : rich).push(slot);
    let giver = rich.pop();
    for (let taker = poor.pop(); taker !== undefined && giver !== undefined; taker = poor.pop()) {
      others[taker] = giver;
      const left = shares[giver]! - (1 - shares[taker]!);
      shares[giver] = left;
      if (left >= 1) continue;
      poor.push(giver);
      giver = rich.pop();
    }
    this.#backends = backends;
    this.#shares = shares;
    this.#others = others;
  }

  pick(_key: number, tried: readonly B[] | null): B | undefined {
    return this.pickBeside(undefined, tried);
  }

  /** Any but this one and those tried. */
  pickBeside(not: B | undefined, tried: readonly B[] | null): B | undefined {
    const backends = this.#backends;
    if (backends.length === 0) return undefined;
    for (let draw = 0; draw < maxDraws; draw++) {
      const backend = backends[this.#draw()]!;
      if (backend !== not && (tried === null || !tried.includes(backend))) return backend;
    }
    const from = Math.floor(this.#random() * backends.length);
    for (let step = 0; step < backends.length; step++) {
      const backend = backends[(from + step) % backends.length]!;
      if (backend !== not && (tried === null || !tried.includes(backend))) return backend;
    }
    return undefined;
  }

  #draw(): number {
    const at = this.#random() * this.#shares.length;
    const slot = Math.floor(at);
    return at - slot < this.#shares[slot]! ? slot : this.#others[slot]!;
  }
}
