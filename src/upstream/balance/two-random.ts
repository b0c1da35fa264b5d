// The less loaded of two: the one whose turn it is, and another by chance. An idle service is therefore dealt
// round robin, exactly by weight; a backend that is slow fills up, loses against whoever it is compared
// with, and is spared. Unlike with least connections, many workers that know only their own share of the
// load do not all run to the same backend. When about half of the backends are many times slower, both of
// the two are often slow ones: least connections is better then. Hot: bench/balance.ts

import type { Policy, Weighed } from "./policy.ts";
import { WeightedRandom } from "./random.ts";
import { SmoothRotation } from "./rotation.ts";

export class TwoRandom<B extends Weighed> implements Policy<B> {
  readonly #rotation: SmoothRotation<B>;
  readonly #chance: WeightedRandom<B>;
  #count = 0;

  constructor(random: () => number = Math.random) {
    this.#rotation = new SmoothRotation(random);
    this.#chance = new WeightedRandom(random);
  }

  update(backends: readonly B[]): void {
    this.#count = backends.length;
    this.#rotation.update(backends);
    this.#chance.update(backends);
  }

  pick(key: number, tried: readonly B[] | null): B | undefined {
    const first = this.#rotation.pick(key, tried);
    // Nobody is less loaded than who has nothing.
    if (first === undefined || first.load === 0 || this.#count === 1) return first;
    const second = this.#chance.pickBeside(first, tried);
    if (second === undefined) return first;
    return second.load * first.weight < first.load * second.weight ? second : first;
  }
}
