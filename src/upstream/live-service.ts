// A service as it runs: its pools and its balancing state. It outlives a reload when nothing about it
// changed, so that connections and turns are kept. Pools are made when the first request comes: of ten
// thousand services most are asked by few, and every worker has them all.

import type { Service } from "../config/snapshot.ts";
import type { Wheel } from "../lib/wheel.ts";
import { policyOf, type Candidate, type Policy } from "./balance.ts";
import type { ResponseLimits } from "./http1.ts";
import { Pool } from "./pool.ts";

export interface UpstreamOptions {
  readonly wheel: Wheel;
  readonly limits: ResponseLimits;
  readonly bufferBytes: number;
}

const noCandidates: readonly Candidate[] = [];

export class LiveService implements Disposable {
  readonly service: Service;
  readonly #options: UpstreamOptions;
  #candidates = noCandidates;
  #policy: Policy | undefined;
  #isDisposed = false;

  constructor(service: Service, options: UpstreamOptions) {
    this.service = service;
    this.#options = options;
  }

  get candidates(): readonly Candidate[] {
    if (this.#candidates.length === 0) this.#start();
    return this.#candidates;
  }

  #start(): void {
    const { backends, pool: settings, tls } = this.service;
    this.#candidates = backends.map((backend) => ({
      weight: backend.weight,
      pool: new Pool({ ...this.#options, backend, settings, tls }),
    }));
    // An exchange that began before a reload may ask for the first time after it.
    if (this.#isDisposed) this[Symbol.dispose]();
  }

  /** Index of the backend for the next attempt, -1 when all were tried. */
  pick(tried: ReadonlySet<number> | undefined): number {
    const { candidates } = this;
    if (candidates.length === 1) return tried?.has(0) ? -1 : 0;
    this.#policy ??= policyOf(this.service.balance);
    return this.#policy.pick(candidates, tried);
  }

  sweep(): void {
    for (const { pool } of this.#candidates) pool.sweep();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const { pool } of this.#candidates) pool[Symbol.dispose]();
  }
}
