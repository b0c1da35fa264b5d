// Consistent hashing with bounded load. Each backend has points on a ring, as many as its weight says; a key
// tries several places, and the place with the nearest point behind it decides ("multi-probe", Appleton and
// O'Reilly 2015). Wide gaps between points then attract little more than narrow ones, so that an eighth of
// the usual points give more even shares, and the ring is made anew in about a millisecond.
//
// Where keys go depends on nothing but the backends' URLs and weights. A backend that is full or was tried is
// passed over as if it were not there, so its keys go where they would go if it left. Hot: bench/balance.ts

import { hashOf, mixed } from "./hash.ts";
import type { Policy, Weighed } from "./policy.ts";
import { TwoRandom } from "./two-random.ts";

/** Tries per key. No point gets more than 8/7 of the average, however wide the gap before it is. */
const probes = 8;
/** Points of a backend of weight 1: shares differ by about 1/sqrt(32 × 15) = 4.6 %. */
const pointsPerWeight = 32;
/**
 * Weights above are read as parts of a hundred or a thousand, and a backend gets a point for two of them, or
 * the ring would grow without end. Which of the two scales holds is decided by the heaviest: should that one
 * leave, and be the only one above, more keys move than its own.
 */
const largestSmallWeight = 16;
const pointsPerLargeWeight = 0.5;

/**
 * A backend with less to do than this is never full: one page asks for half a dozen things at once, and in
 * a quiet service that would be more than anybody's share.
 */
const alwaysTaken = 8;

export class Ring<B extends Weighed> implements Policy<B> {
  readonly #bound: number;
  readonly #keyless: TwoRandom<B>;
  #backends: readonly B[] = [];
  #totalWeight = 0;
  /** Loads by slot as last told, and their sum. */
  #loads = new Float64Array(0);
  #totalLoad = 0;
  #circle: Circle = circleOf([], new Int32Array(0));

  /** @param bound how many times its share of the load a backend may have; 0 = any number */
  constructor(bound: number, random: () => number = Math.random) {
    this.#bound = bound;
    this.#keyless = new TwoRandom(random);
  }

  update(backends: readonly B[]): void {
    const counts = pointCounts(backends);
    if (!this.#isSame(backends, counts)) this.#circle = circleOf(backends, counts);
    for (const [slot, backend] of this.#backends.entries()) {
      if (backend.place === slot) backend.place = -1;
    }
    for (const [slot, backend] of backends.entries()) backend.place = slot;
    this.#backends = backends;
    this.#totalWeight = backends.reduce((sum, { weight }) => sum + weight, 0);
    this.#loads = Float64Array.from(backends, ({ load }) => load);
    this.#totalLoad = backends.reduce((sum, { load }) => sum + load, 0);
    this.#keyless.update(backends);
  }

  pick(key: number, tried: readonly B[] | null): B | undefined {
    if (Number.isNaN(key)) return this.#keyless.pick(key, tried);
    const perWeight = (this.#bound * (this.#totalLoad + 1)) / this.#totalWeight;
    const most = this.#bound > 0 ? perWeight : Number.POSITIVE_INFINITY;
    const slot = this.#slotOf(key, tried, most);
    if (slot >= 0) return this.#backends[slot];
    // Those not tried are all full: full is better than nothing.
    const any = this.#slotOf(key, tried, Number.POSITIVE_INFINITY);
    return any < 0 ? undefined : this.#backends[any];
  }

  onChange(backend: B): void {
    const slot = backend.place;
    if (this.#backends[slot] !== backend) return;
    this.#totalLoad += backend.load - this.#loads[slot]!;
    this.#loads[slot] = backend.load;
  }

  #isSame(backends: readonly B[], counts: Int32Array): boolean {
    const known = this.#circle.counts;
    return (
      backends.length === known.length &&
      backends.every(({ url }, slot) => {
        return url === this.#backends[slot]!.url && counts[slot] === known[slot];
      })
    );
  }

  /** @param most the load for each unit of weight below which a backend takes another exchange */
  #slotOf(key: number, tried: readonly B[] | null, most: number): number {
    const { points, owners, starts, shift } = this.#circle;
    const { length } = points;
    let found = -1;
    let nearest = 2 ** 32;
    let probe = mixed(key ^ 0x2545f491);
    const step = mixed(key ^ 0x9e3779b9) | 1;
    for (let count = 0; count < probes; count++) {
      probe = (probe + step) >>> 0;
      let at = starts[probe >>> shift]!;
      while (at < length && points[at]! < probe) at += 1;
      // Ends where another probe is nearer, or after a whole turn.
      for (let passed = 0; passed < length; passed++, at++) {
        if (at >= length) at = 0;
        const distance = (points[at]! - probe) >>> 0;
        if (distance >= nearest) break;
        const slot = owners[at]!;
        const backend = this.#backends[slot]!;
        const isFull = backend.load >= most * backend.weight && backend.load >= alwaysTaken;
        if (isFull || tried?.includes(backend)) continue;
        found = slot;
        nearest = distance;
        break;
      }
      // Nobody will do, wherever the search begins.
      if (found < 0) break;
    }
    return found;
  }
}

interface Circle {
  /** Of each slot. */
  readonly counts: Int32Array;
  /** Ascending, unsigned 32 bit, and the slot each belongs to. */
  readonly points: Uint32Array;
  readonly owners: Int32Array;
  /** The first point at or behind the beginning of each of equal sections; `point >>> shift` is its section. */
  readonly starts: Int32Array;
  readonly shift: number;
}

function pointCounts(backends: readonly Weighed[]): Int32Array<ArrayBuffer> {
  const heaviest = backends.reduce((most, { weight }) => Math.max(most, weight), 0);
  const perWeight = heaviest > largestSmallWeight ? pointsPerLargeWeight : pointsPerWeight;
  return Int32Array.from(backends, ({ weight }) => Math.max(1, Math.round(weight * perWeight)));
}

/** Sorts by sections of which each holds about one point. */
function circleOf(backends: readonly Weighed[], counts: Int32Array): Circle {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const bits = Math.max(1, Math.ceil(Math.log2(total + 1)));
  const shift = 32 - bits;
  const drawn = new Uint32Array(total);
  const ends = new Int32Array((1 << bits) + 1);
  let made = 0;
  for (const [slot, { url }] of backends.entries()) {
    // Two hashes, so that no two backends share all their points because one hash is the same.
    const one = hashOf(url);
    const other = hashOf(`${url}#`);
    for (let nth = 1; nth <= counts[slot]!; nth++) {
      const point = mixed(mixed(one ^ mixed(nth)) + other);
      drawn[made++] = point;
      ends[(point >>> shift) + 1]! += 1;
    }
  }
  for (let section = 1; section < ends.length; section++) ends[section]! += ends[section - 1]!;
  const starts = ends.slice(0, -1);
  const points = new Uint32Array(total);
  const owners = new Int32Array(total);
  const filled = ends.fill(0);
  made = 0;
  for (const [slot, count] of counts.entries()) {
    for (let nth = 0; nth < count; nth++) {
      const point = drawn[made++]!;
      const section = point >>> shift;
      const first = starts[section]!;
      let at = first + filled[section]!++;
      for (; at > first && points[at - 1]! > point; at--) {
        points[at] = points[at - 1]!;
        owners[at] = owners[at - 1]!;
      }
      points[at] = point;
      owners[at] = slot;
    }
  }
  return { counts, points, owners, starts, shift };
}
