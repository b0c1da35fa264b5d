// So many requests at once. Those that come when all places are taken wait in a line for each key, first come first served; a
// place is held until everything is over, WebSockets included.

import { hash } from "node:crypto";
import { concurrencyLimits as limits } from "../config/limit-limits.ts";
import type { ConcurrencyUse } from "../config/middlewares/uses/limit.ts";
import type { Exchange } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import { WaitingLine } from "../lib/waiting-line.ts";
import type { Wheel } from "../lib/wheel.ts";
import { keyMaker } from "./limit-key.ts";
import type { Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { HostSeats, OwnSeats, type Seats } from "./seats.ts";

export function concurrency(use: ConcurrencyUse, api: MiddlewareApi): Middleware {
  const keyOf = keyMaker(use.by);
  const exempt = use.exempt.length === 0 ? undefined : NetworkSet.of(use.exempt);
  const seats = seatsFor(use, api);
  const room = new WaitingRoom(use, seats, api.wheel);
  const held = new WeakMap<Exchange, string>();
  const refusal: Refusal = { failure: "TOO_MANY_AT_ONCE", status: use.status, fields: [retry] };

  const give = (key: string) => {
    seats.give(key);
    room.call(key);
  };
  const settle = (exchange: Exchange, key: string, isGiven: boolean): Verdict => {
    if (!isGiven) return refusal;
    // Who left while it was asked for is not told of the end.
    if (exchange.isDone) give(key);
    else held.set(exchange, key);
    return undefined;
  };
  const late = async (exchange: Exchange, key: string, asked: Promise<boolean>): Promise<Verdict> =>
    settle(exchange, key, (await asked) || (await room.wait(exchange, key)));

  return {
    onRequest(exchange) {
      if (exempt?.has(exchange.clientIp) === true) return undefined;
      const key = keyOf(exchange);
      // Nobody overtakes those who wait.
      const isGiven = !room.has(key) && seats.take(key);
      if (isGiven === true) return settle(exchange, key, true);
      if (isGiven === false && use.queue === 0) return refusal;
      return late(exchange, key, isGiven === false ? Promise.resolve(false) : isGiven);
    },
    onDone(exchange) {
      const key = held.get(exchange);
      if (key !== undefined) give(key);
    },
    close() {
      seats.close?.();
    },
  };
}

const retry = ["Retry-After", "1"] as const;

function seatsFor({ scope, limit, by }: ConcurrencyUse, api: MiddlewareApi): Seats {
  if (scope === "worker") return new OwnSeats(limit);
  const text = JSON.stringify([api.owner, limit, by]);
  const name = hash("sha256", text, "base64url").slice(0, 16);
  return new HostSeats(limit, name, api.peers, () =>
    api.warn("a worker did not answer in time, and places were given without it"),
  );
}

interface Waiting {
  readonly exchange: Exchange;
  settle(isGiven: boolean): void;
  /** Out of the line. */
  leave(): void;
}

/** Who waits for a place, by key. */
class WaitingRoom {
  readonly #use: ConcurrencyUse;
  readonly #seats: Seats;
  readonly #wheel: Wheel;
  readonly #lines = new Map<string, WaitingLine<Waiting>>();
  /** Keys for whose lines places are being asked for; true = once more after that. */
  readonly #calling = new Map<string, boolean>();
  readonly #everybody = new Set<Waiting>();
  #sweptAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(use: ConcurrencyUse, seats: Seats, wheel: Wheel) {
    this.#use = use;
    this.#seats = seats;
    this.#wheel = wheel;
  }

  has(key: string): boolean {
    return this.#lines.has(key);
  }

  /** @returns whether a place came in time */
  wait(exchange: Exchange, key: string): Promise<boolean> {
    if (this.#everybody.size >= this.#use.queue) this.#sweep();
    if (this.#everybody.size >= this.#use.queue || exchange.isDone) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const line = this.#lines.get(key) ?? this.#lineFor(key);
    const waiting: Waiting = {
      exchange,
      settle: (isGiven) => {
        this.#everybody.delete(waiting);
        resolve(isGiven);
      },
      leave() {
        if (ticket !== undefined) line.cancel(ticket);
      },
    };
    this.#everybody.add(waiting);
    const ticket = line.add(waiting, this.#use.queueTime);
    // Places that come free in other workers are not told of.
    this.#timer ??= setInterval(() => this.#callAll(), limits.askEvery).unref();
    this.call(key);
    return promise;
  }

  #lineFor(key: string): WaitingLine<Waiting> {
    const line = new WaitingLine<Waiting>(this.#wheel, Infinity, ({ settle }) => {
      settle(false);
      if (line.size === 0) this.#lines.delete(key);
    });
    this.#lines.set(key, line);
    return line;
  }

  #callAll(): void {
    for (const key of this.#lines.keys()) this.call(key);
    if (this.#lines.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** A place may be free: who waits first gets it. */
  call(key: string): void {
    if (!this.#lines.has(key)) return;
    if (this.#calling.has(key)) this.#calling.set(key, true);
    else void this.#call(key);
  }

  async #call(key: string): Promise<void> {
    this.#calling.set(key, false);
    for (;;) {
      const asked = this.#seats.take(key);
      const isGiven = typeof asked === "boolean" ? asked : await asked;
      const next = isGiven ? this.#next(key) : undefined;
      if (next !== undefined) {
        next.settle(true);
        if (this.#lines.has(key)) continue;
        break;
      }
      if (isGiven) this.#seats.give(key);
      if (isGiven || this.#calling.get(key) !== true) break;
      this.#calling.set(key, false);
    }
    this.#calling.delete(key);
  }

  /** The first of those who are still there. */
  #next(key: string): Waiting | undefined {
    const line = this.#lines.get(key);
    let next = line?.shift();
    while (next?.exchange.isDone === true) {
      next.settle(false);
      next = line?.shift();
    }
    if (line?.size === 0) this.#lines.delete(key);
    return next;
  }

  /** Who left while he waited keeps no place in the line from others. Costs something, so not for each of a flood. */
  #sweep(): void {
    const now = performance.now();
    if (now - this.#sweptAt < limits.sweepEvery) return;
    this.#sweptAt = now;
    for (const waiting of this.#everybody) {
      if (!waiting.exchange.isDone) continue;
      waiting.leave();
      waiting.settle(false);
    }
    for (const [key, line] of this.#lines) if (line.size === 0) this.#lines.delete(key);
  }
}
