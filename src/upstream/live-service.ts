// A service as it runs: its pools and its balancing state. It outlives a reload when nothing about it
// changed, so that connections and turns are kept.

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

export class LiveService implements Disposable {
  readonly service: Service;
  readonly candidates: readonly Candidate[];
  readonly #policy: Policy;

  constructor(service: Service, options: UpstreamOptions) {
    this.service = service;
    this.candidates = service.backends.map((backend) => ({
      weight: backend.weight,
      pool: new Pool({ ...options, backend, settings: service.pool, tls: service.tls }),
    }));
    this.#policy = policyOf(service.balance);
  }

  /** Index of the backend for the next attempt, -1 when all were tried. */
  pick(tried: ReadonlySet<number> | undefined): number {
    if (this.candidates.length === 1) return tried?.has(0) ? -1 : 0;
    return this.#policy.pick(this.candidates, tried);
  }

  sweep(): void {
    for (const { pool } of this.candidates) pool.sweep();
  }

  [Symbol.dispose](): void {
    for (const { pool } of this.candidates) pool[Symbol.dispose]();
  }
}
