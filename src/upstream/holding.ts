// Exchanges that wait for a backend to come up, or for the end of a pause: first come, first served, bounded
// in number and in time. While somebody waits, backends that accepted no connection are tried again and
// again, so that waiting ends the instant one does.

import { HoldQueue, type Held, type HoldTicket } from "./hold-queue.ts";
import type { LiveBackend } from "./live-backend.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Pool, PoolTicket, Waiter } from "./pool.ts";
import type { Pooled } from "./pooled.ts";

/** A process that starts is seen this late at most; four connections a second harm nobody. */
const knockMs = 250;
const knockTimeoutMs = 1000;

export class Holding {
  readonly #queue: HoldQueue;
  /** How many may wait at once. */
  max: number;
  readonly #backends: () => readonly LiveBackend[];
  readonly #onWaiting: () => void;
  #knocking: NodeJS.Timeout | undefined;

  /** @param onWaiting told now and then while somebody waits */
  constructor(
    wheel: Wheel,
    max: number,
    backends: () => readonly LiveBackend[],
    onWaiting: () => void,
  ) {
    this.#queue = new HoldQueue(wheel, Number.POSITIVE_INFINITY);
    this.max = max;
    this.#backends = backends;
    this.#onWaiting = onWaiting;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** undefined = too many wait already. */
  add(held: Held, ms: number): HoldTicket | undefined {
    if (this.#queue.size >= this.max) return undefined;
    const ticket = this.#queue.add(held, ms);
    if (ticket !== undefined && this.#knocking === undefined) {
      this.#knocking = setInterval(() => this.#knock(), knockMs).unref();
    }
    return ticket;
  }

  cancel(ticket: HoldTicket): void {
    this.#queue.cancel(ticket);
  }

  releaseAll(): void {
    this.#queue.releaseAll();
  }

  #knock(): void {
    if (this.#queue.size === 0) {
      clearInterval(this.#knocking);
      this.#knocking = undefined;
      return;
    }
    this.#onWaiting();
    for (const backend of this.#backends()) {
      if (!backend.isWorthReaching) continue;
      if (backend.backend.protocol === "http") knock(backend, backend.pool);
      else if (backend.backend.protocol === "tcp") knock(backend, backend.rawPool);
    }
  }
}

function knock<C extends Pooled>(backend: LiveBackend, pool: Pool<C>): void {
  pool.open(new Knock(backend, pool), knockTimeoutMs);
}

/** One connection, opened to see whether it can be. Where one can be lent, it is kept for those who wait. */
class Knock<C extends Pooled> implements Waiter<C> {
  ticket: PoolTicket<C> | null = null;
  readonly #backend: LiveBackend;
  readonly #pool: Pool<C>;

  constructor(backend: LiveBackend, pool: Pool<C>) {
    this.#backend = backend;
    this.#pool = pool;
  }

  onLease(connection: C): void {
    if (connection.giveBack === undefined) this.#pool.onReusable(connection);
    else connection.giveBack();
    this.#backend.reached();
  }

  onNoLease(): void {}
}
