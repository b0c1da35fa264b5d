// All checks that are made, each once, however many services want it.

import { createHash } from "node:crypto";
import type { Backend, BackendService, HealthCheck } from "../config/service.ts";
import type { Guests } from "../guest/guests.ts";
import { Checker } from "./checker.ts";
import { Lookups } from "./lookups.ts";
import type { Found } from "./standing.ts";
import { Turns } from "./turns.ts";

/**
 * Checks under way at once. A quick answer takes milliseconds, so these are ten thousand a second; only
 * silent backends fill them, and then no more than so many sockets wait in vain.
 */
const checksAtOnce = 64;
/** Between the first checks of backends that are new together: 500 connections a second hurt nobody. */
const spreadMs = 2;

export class Checkers implements Disposable {
  readonly #now: () => number;
  readonly #guests: Guests | undefined;
  readonly #turns = new Turns(checksAtOnce);
  readonly #lookups = new Lookups();
  readonly #all = new Map<string, Checker>();
  #started = 0;

  /** @param guests containers whose sockets backends are; undefined = none is checked */
  constructor(now: () => number, guests: Guests | undefined) {
    this.#now = now;
    this.#guests = guests;
  }

  /** @param before what was found for this backend with other settings */
  get(key: string, wanted: Wanted, before: Found | undefined): Checker {
    const { check, service, backend } = wanted;
    let checker = this.#all.get(key);
    if (checker === undefined) {
      checker = new Checker({
        target: {
          backend,
          check,
          tls: service.tls,
          lookup: this.#lookups.lookup,
          gateway: service.gateway,
          guests: this.#guests,
        },
        turns: this.#turns,
        now: this.#now,
        delay: Math.min(spreadMs * this.#started++, check.interval),
        before,
      });
      this.#all.set(key, checker);
    }
    return checker;
  }

  /** Ends those that nobody uses any more. */
  sweep(hosts: () => ReadonlySet<string>): void {
    this.#started = 0;
    for (const [key, checker] of this.#all) {
      if (checker.users.size > 0) continue;
      checker[Symbol.dispose]();
      this.#all.delete(key);
    }
    this.#lookups.keep(hosts);
  }

  [Symbol.dispose](): void {
    for (const checker of this.#all.values()) checker[Symbol.dispose]();
    this.#all.clear();
  }
}

export interface Wanted {
  readonly service: BackendService;
  readonly backend: Backend;
  readonly check: HealthCheck;
}

/** Equal for checks that ask the same. A digest, because certificates may be long. */
export function checkKey({ service, backend, check }: Wanted): string {
  const { weight: _, tier: __, ...place } = backend;
  return createHash("sha256")
    .update(JSON.stringify([place, check, service.tls, service.gateway]))
    .digest("base64");
}
