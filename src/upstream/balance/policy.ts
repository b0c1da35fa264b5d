// What every way of balancing fulfils. A policy is told which backends there are to choose from whenever that
// changes, which is rare, so that choosing one does not depend on how many there are.

/** A backend as a policy sees it. */
export interface Weighed {
  /** Above 0; with slow start it grows over time, and `update` is called again. */
  readonly weight: number;
  /** Exchanges it carries or that wait for it. */
  readonly load: number;
  /** Average time to an answer, ms; 0 = not known yet. */
  readonly latency: number;
  /** Stays the same over restarts, reloads and workers: what hashing places it by. */
  readonly url: string;
  /** For the policy's own use: its place in a heap, say. -1 at first, and again after `update` without it. */
  place: number;
}

export interface Policy<B extends Weighed> {
  /** These and no others from now on. At least one. */
  update(backends: readonly B[]): void;
  /**
   * Which one gets the next exchange.
   * @param key hash of what the exchange is placed by (`hashOf`); NaN = nothing, or the policy needs none
   * @param tried those already tried for this exchange; null = none. undefined is returned when none is left
   */
  pick(key: number, tried: readonly B[] | null): B | undefined;
  /** The load or the latency of a backend has changed. Only where the policy wants to know. */
  onChange?(backend: B): void;
}
