// The checks of one backend, one after the other: at once, then in intervals, and faster while it is not
// well. Several services that check the same backend in the same way share one.

import { type ProbeTarget, probe, type Verdict } from "./probe.ts";
import { type Found, Standing } from "./standing.ts";
import type { Turns } from "./turns.ts";

/** Intervals differ by up to this share, so that checks of many backends do not come in waves. */
const jitter = 0.1;

export interface CheckUser {
  /** @param before what was found before this answer */
  onAnswer(checker: Checker, before: Found): void;
}

export interface LastCheck extends Verdict {
  /** When it began; milliseconds since 1970. */
  readonly at: number;
}

export interface CheckerOptions {
  readonly target: ProbeTarget;
  readonly turns: Turns;
  readonly now: () => number;
  /** The first check is made after so long, ms. */
  readonly delay: number;
  readonly before: Found | undefined;
}

export class Checker implements Disposable {
  readonly users = new Set<CheckUser>();
  readonly #options: CheckerOptions;
  readonly #standing: Standing;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout;
  #last: LastCheck | undefined;
  #badSince = 0;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#standing = new Standing(options.target.check, options.before);
    this.#timer = this.#arm(options.delay);
  }

  get found(): Found {
    return this.#standing.found;
  }

  get last(): LastCheck | undefined {
    return this.#last;
  }

  /** When the first bad answer of those in a row came; milliseconds since 1970. */
  get badSince(): number {
    return this.#badSince;
  }

  /** What is under way counts for nothing. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  #arm(ms: number): NodeJS.Timeout {
    const timer = setTimeout(() => void this.#check(), ms);
    // Checks are no reason for the program to stay.
    timer.unref();
    return timer;
  }

  async #check(): Promise<void> {
    const { signal } = this.#ending;
    const { turns, target, now } = this.#options;
    await turns.run(async () => {
      if (signal.aborted) return;
      const at = now();
      const verdict = await probe(target, signal);
      if (!signal.aborted) this.#take({ ...verdict, at });
    });
    if (!signal.aborted) this.#timer = this.#arm(this.#pause());
  }

  #take(answer: LastCheck): void {
    const before = this.found;
    this.#last = answer;
    this.#standing.take(answer.isGood);
    if (this.#standing.bad === 1) this.#badSince = answer.at;
    // A copy: who is told may leave.
    for (const user of [...this.users]) user.onAnswer(this, before);
  }

  #pause(): number {
    const { interval, fastInterval } = this.#options.target.check;
    const usual = this.#standing.isUrgent ? Math.min(fastInterval, interval) : interval;
    return usual * (1 + jitter * (2 * Math.random() - 1));
  }
}
