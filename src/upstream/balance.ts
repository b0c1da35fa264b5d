// Which backend of a service gets the next exchange. A policy is a class with one method; it never
// allocates, and a service with one backend never gets here.

import type { Service } from "../config/snapshot.ts";
import type { Pool } from "./pool.ts";

export interface Candidate {
  readonly pool: Pool;
  readonly weight: number;
}

export interface Policy {
  /**
   * Index of the backend to use.
   * @param tried bit set of those already tried for this exchange; -1 when none is left
   */
  pick(candidates: readonly Candidate[], tried: ReadonlySet<number> | undefined): number;
}

export function policyOf(name: Service["balance"]): Policy {
  switch (name) {
    case "round-robin":
      return new SmoothRoundRobin();
    case "random":
      return { pick: pickRandom };
    case "least-connections":
      return { pick: pickLeastLoaded };
  }
}

/**
 * Smooth weighted round robin: each turn everyone gains its weight, the richest is picked and pays the
 * total. Picks of a heavy backend are spread over the cycle instead of coming in a row.
 */
class SmoothRoundRobin implements Policy {
  #credits: number[] = [];

  pick(candidates: readonly Candidate[], tried: ReadonlySet<number> | undefined): number {
    if (this.#credits.length !== candidates.length) this.#credits = candidates.map(() => 0);
    const credits = this.#credits;
    let best = -1;
    let total = 0;
    for (let index = 0; index < candidates.length; index++) {
      if (tried?.has(index)) continue;
      const { weight } = candidates[index]!;
      credits[index] = credits[index]! + weight;
      total += weight;
      if (best < 0 || credits[index]! > credits[best]!) best = index;
    }
    if (best >= 0) credits[best] = credits[best]! - total;
    return best;
  }
}

function pickRandom(
  candidates: readonly Candidate[],
  tried: ReadonlySet<number> | undefined,
): number {
  let total = 0;
  for (let index = 0; index < candidates.length; index++) {
    if (!tried?.has(index)) total += candidates[index]!.weight;
  }
  let left = Math.random() * total;
  for (let index = 0; index < candidates.length; index++) {
    if (tried?.has(index)) continue;
    left -= candidates[index]!.weight;
    if (left < 0) return index;
  }
  return -1;
}

/** Fewest exchanges for its weight; among equals the next in turn, so that idle services are spread. */
function pickLeastLoaded(
  candidates: readonly Candidate[],
  tried: ReadonlySet<number> | undefined,
): number {
  let best = -1;
  let bestLoad = Number.POSITIVE_INFINITY;
  const from = Math.floor(Math.random() * candidates.length);
  for (let step = 0; step < candidates.length; step++) {
    const index = (from + step) % candidates.length;
    if (tried?.has(index)) continue;
    const candidate = candidates[index]!;
    const load = candidate.pool.load / candidate.weight;
    if (load < bestLoad) {
      best = index;
      bestLoad = load;
    }
  }
  return best;
}
