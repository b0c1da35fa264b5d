// Backends that somebody else found dead, in a place that we read as well: Hipache's users have several
// proxies and checkers on one Redis. What they mark is a mark here, until it is over or taken back.

import type { DeadBackend } from "../providers/provider.ts";
import type { Mark } from "../upstream/state.ts";

export interface DeadBackendsOptions {
  /** false: no such backend is served, which may come yet. */
  take(mark: Mark): boolean;
  /** Milliseconds since 1970. */
  now(): number;
}

/** With what some know beyond that. */
export interface MarkedBackend extends DeadBackend {
  readonly why?: string;
  readonly isUnreachable?: boolean;
}

interface Told {
  readonly dead: MarkedBackend;
  /** Until when workers leave it alone, as far as they were told; 0 = they were not. */
  toldUntil: number;
}

/** Remaining times are read on their way: less than this is no change, ms. */
const sameUntil = 1000;

const usualWhy = "marked dead by another proxy or checker";

/** What a timer can wait for at most, ms. */
const longestWait = 2 ** 31 - 1;

export class DeadBackends {
  readonly #options: DeadBackendsOptions;
  /** By provider, and by service and backend. */
  readonly #told = new Map<string, Map<string, Told>>();
  #waiting: NodeJS.Timeout | undefined;

  constructor(options: DeadBackendsOptions) {
    this.#options = options;
  }

  /** @param dead all that the provider knows now */
  update(provider: string, dead: readonly MarkedBackend[]): void {
    const before = this.#told.get(provider) ?? new Map<string, Told>();
    if (before.size + dead.length === 0) return;
    const now = new Map<string, Told>();
    for (const each of dead) {
      const key = keyOf(each);
      now.set(key, { dead: each, toldUntil: before.get(key)?.toldUntil ?? 0 });
      before.delete(key);
    }
    this.#told.set(provider, now);
    for (const { dead: gone, toldUntil } of before.values()) this.#takeBack(gone, toldUntil);
    this.settle();
  }

  /** Over by itself is nothing to tell: who was told knows until when it was. */
  #takeBack({ service, backend }: DeadBackend, toldUntil: number): void {
    if (toldUntil > this.#options.now()) this.#options.take({ kind: "alive", service, backend });
  }

  /** Tells what could not be told yet: a backend may be marked before it is served. */
  settle(): void {
    const now = this.#options.now();
    const all = [...this.#told.values()].flatMap((each) => [...each.values()]);
    const next = all.reduce(
      (first, each) => Math.min(first, this.#settleOne(each, now)),
      Number.POSITIVE_INFINITY,
    );
    clearTimeout(this.#waiting);
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(next - now, longestWait);
    this.#waiting = setTimeout(() => this.settle(), wait);
    this.#waiting.unref();
  }

  /** @returns when there is more to do about it; never = infinity */
  #settleOne(told: Told, now: number): number {
    const { service, backend, until, why = usualWhy, isUnreachable = false } = told.dead;
    // Checkers mark first and say for how long after that: what was told holds until the earlier end.
    if (told.toldUntil > until + sameUntil) {
      if (until > now) return until;
      this.#takeBack(told.dead, told.toldUntil);
      told.toldUntil = 0;
    }
    if (told.toldUntil <= now && until > now) {
      const mark = {
        kind: "dead",
        service,
        backend,
        for: until - now,
        why,
        isUnreachable,
      } as const;
      told.toldUntil = this.#options.take(mark) ? until : 0;
    }
    // They prolong every few seconds: what was told holds until it is over.
    const isProlonged = told.toldUntil > 0 && until > told.toldUntil;
    return isProlonged ? told.toldUntil : Number.POSITIVE_INFINITY;
  }
}

function keyOf({ service, backend }: DeadBackend): string {
  return `${service} ${backend}`;
}
