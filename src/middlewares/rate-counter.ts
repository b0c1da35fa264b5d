// Who counts requests: this worker, or the worker that looks after the key. Redis is in `rate-redis.ts`.

import { rateLimits as limits } from "../config/limit-limits.ts";
import type { Rate } from "../config/middlewares/uses/limit.ts";
import type { Peer, Peers } from "../peers/peers.ts";
import { Gcra, ticksNow } from "./gcra.ts";

/** What became of one request. */
export interface Taken {
  /** Ticks until it may come again; 0 = it passes. */
  readonly wait: number;
  /** Ticks until each rate is whole again; empty = nobody asked. */
  readonly used: readonly number[];
}

export interface RateCounter {
  take(key: string): Taken | Promise<Taken>;
  close?(): void;
}

export interface Counted {
  readonly rates: readonly Rate[];
  /** How many are remembered. */
  readonly keys: number;
  /** What is left is asked for. */
  readonly tells: boolean;
}

export const passed: Taken = { wait: 0, used: [] };

/** Counts what this worker sees. */
export class OwnCounter implements RateCounter {
  readonly #gcra: Gcra;
  readonly #tells: boolean;

  constructor({ rates, keys, tells }: Counted) {
    this.#gcra = new Gcra(rates, keys);
    this.#tells = tells;
  }

  take(key: string): Taken {
    const now = ticksNow();
    const wait = this.#gcra.take(key, now);
    if (this.#tells) return { wait, used: this.#gcra.used(key, now) };
    return wait === 0 ? passed : { wait, used: [] };
  }

  get size(): number {
    return this.#gcra.size;
  }
}

/** An answer of somebody else: the wait, and so many figures; undefined = it is none. */
export function takenOf(answer: unknown, figures: number): Taken | undefined {
  if (!Array.isArray(answer) || answer.length !== figures + 1) return undefined;
  const numbers = answer.map(Number);
  if (!numbers.every((each) => Number.isFinite(each) && each >= 0)) return undefined;
  const [wait = 0, ...used] = numbers;
  return { wait, used };
}

/**
 * Who was told to wait cannot pass before: nobody is asked about him again until then, so that who is refused costs
 * others nothing.
 */
export class Refused {
  readonly #until = new Map<string, { readonly at: number; readonly taken: Taken }>();

  /** undefined = it has to be asked. */
  look(key: string): Taken | undefined {
    const known = this.#until.get(key);
    if (known === undefined) return undefined;
    const passed = ticksNow() - known.at;
    const wait = known.taken.wait - passed;
    if (wait > 0) return { wait, used: known.taken.used.map((each) => Math.max(0, each - passed)) };
    this.#until.delete(key);
    return undefined;
  }

  note(key: string, taken: Taken): void {
    if (taken.wait === 0) return;
    if (this.#until.size >= limits.refused) this.#until.clear();
    this.#until.set(key, { at: ticksNow(), taken });
  }
}

/** Exact over all workers: each key is counted by one of them. While that one cannot be asked, each counts for itself. */
export class HostCounter implements RateCounter {
  readonly #own: OwnCounter;
  readonly #figures: number;
  readonly #topic: string;
  readonly #peers: Peers;
  readonly #refused = new Refused();
  readonly #onAlone: () => void;
  readonly #takeBack: () => void;

  /** @param name the same in all workers @param onAlone a request was counted here that another should have counted */
  constructor(counted: Counted, name: string, peers: Peers, onAlone: () => void) {
    this.#own = new OwnCounter(counted);
    this.#figures = counted.tells ? counted.rates.length : 0;
    this.#topic = `rateLimit ${name}`;
    this.#peers = peers;
    this.#onAlone = onAlone;
    this.#takeBack = peers.answer(this.#topic, (key) => {
      if (typeof key !== "string") return undefined;
      const { wait, used } = this.#own.take(key);
      return [wait, ...used];
    });
  }

  take(key: string): Taken | Promise<Taken> {
    const owner = this.#peers.ownerOf(this.#topic + key);
    if (owner === undefined) return this.#own.take(key);
    return this.#refused.look(key) ?? this.#ask(owner, key);
  }

  async #ask(owner: Peer, key: string): Promise<Taken> {
    let taken: Taken | undefined;
    try {
      const answer = await owner.ask(this.#topic, key, limits.peerWait);
      taken = takenOf(answer, this.#figures);
    } catch {
      // It is gone, or busy: nobody waits for it.
    }
    if (taken === undefined) {
      this.#onAlone();
      return this.#own.take(key);
    }
    this.#refused.note(key, taken);
    return taken;
  }

  close(): void {
    this.#takeBack();
  }
}
