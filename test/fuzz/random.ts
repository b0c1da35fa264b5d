// Random numbers that can be had again from their seed (mulberry32), and what the fuzzers do with them.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below the limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(all: readonly T[]): T {
    const one = all[this.below(all.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }

  /** The text in one to four pieces. */
  split(text: string): string[] {
    const cuts = Array.from({ length: this.below(4) }, () => this.below(text.length + 1));
    const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
    return places.slice(1).map((end, index) => text.slice(places[index], end));
  }
}

/** One of the inputs, changed in a few places. */
export function mutate(
  random: Random,
  inputs: readonly string[],
  words: readonly string[],
  maxCharacter: number,
): string {
  let text = random.pick(inputs);
  for (let changes = random.below(5); changes >= 0; changes--) {
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + random.below(random.below(4) === 0 ? 40 : 4));
    const [before, cut, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
    const choices = [
      () => before + after,
      () => before + random.pick(words) + cut + after,
      () => before + random.pick(words) + after,
      () => before + String.fromCharCode(random.below(maxCharacter + 1)) + after,
      () => before + cut + cut + after,
      () => after + before,
      () => before + random.pick(inputs).slice(random.below(40)),
    ];
    text = random.pick(choices)().slice(0, 20_000);
  }
  return text;
}
