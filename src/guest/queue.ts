// Look-ups of one container: so many at once, so many waiting, each with a time limit. A call into a file system that
// hangs cannot be taken back, so it keeps its place, and the thread it has, until it ends; who asked is told "late". While
// all places are kept like that, nobody waits for one.

import assert from "node:assert/strict";
import { guestLimits } from "../config/guest-limits.ts";
import type { NotFound } from "./finding.ts";
import { late } from "./trouble.ts";

/** What a look-up sees of its own place. */
export interface Turn {
  /** Nobody waits for it any more: it stops at the next call. */
  readonly isOver: boolean;
}

let underWay = 0;

/** Of this process, those that hang included. */
export function callsUnderWay(): number {
  return underWay;
}

/** Places of several queues together. */
export class Places {
  readonly count: number;
  #free: number;
  readonly #waiting = new Set<Queue>();

  constructor(count: number) {
    this.count = count;
    this.#free = count;
  }

  take(queue: Queue): boolean {
    if (this.#free === 0) {
      this.#waiting.add(queue);
      return false;
    }
    this.#free -= 1;
    underWay += 1;
    return true;
  }

  giveBack(): void {
    this.#free += 1;
    underWay -= 1;
    for (const next of this.#waiting) {
      if (this.#free === 0) return;
      // To the end of the line, when it has more to do than this: each has its turn.
      this.#waiting.delete(next);
      next.go();
    }
  }
}

/** For containers, in a process with as many threads for such calls as this environment says. */
export function placesFor(env: Readonly<Record<string, string | undefined>>): Places {
  const said = Number(env["UV_THREADPOOL_SIZE"] ?? nodeThreads);
  const threads = Number.isInteger(said) && said > 0 ? said : nodeThreads;
  return new Places(Math.max(leastPlaces, threads - guestLimits.spareThreads));
}

/** Of libuv, when nobody says. */
const nodeThreads = 4;
/** Or one container that hangs would be all. */
const leastPlaces = 2;

interface Job extends Turn {
  isOver: boolean;
  start(): void;
  giveUp(): void;
}

interface Duty {
  readonly limitMs: number;
  readonly work: () => Promise<void>;
}

export class Queue {
  readonly #places: Places;
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting = new Set<Job>();
  readonly #duties: Duty[] = [];
  #isOnDuty = false;
  #running = 0;
  /** Of those, how many are over their time. */
  #hanging = 0;

  /**
   * @param atOnce of these places, it may have as many
   * @param mostWaiting who comes when so many wait is told "late" at once
   */
  constructor(places: Places, atOnce: number, mostWaiting: number = guestLimits.waiting) {
    this.#places = places;
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Never rejects.
   * @param work what is done in a place
   * @param discard is given what came of it when nobody waits for that any more
   */
  run<T>(
    limitMs: number,
    work: (turn: Turn) => Promise<T>,
    discard: (result: T) => void,
  ): Promise<T | NotFound> {
    const isFull = this.#waiting.size >= this.#mostWaiting;
    if (isFull || this.#isStuck) return Promise.resolve(late);
    return new Promise((resolve) => {
      const job: Job = {
        isOver: false,
        start: () => {
          this.#running += 1;
          void this.#finish(job, timer, work(job), discard).then(resolve);
        },
        giveUp: () => {
          clearTimeout(timer);
          job.isOver = true;
          resolve(late);
          if (!this.#waiting.delete(job)) this.#hang();
        },
      };
      const timer = setTimeout(job.giveUp, limitMs);
      this.#waiting.add(job);
      this.go();
    });
  }

  /**
   * For what must be done whoever waits, such as closing: one after the other, when there is a place.
   * @param limitMs what takes longer counts as hanging, and goes on
   * @param work must not reject
   */
  insist(limitMs: number, work: () => Promise<void>): void {
    this.#duties.push({ limitMs, work });
    this.go();
  }

  /** Starts what may be started. */
  go(): void {
    for (const job of this.#waiting) {
      if (this.#running >= this.#atOnce || !this.#places.take(this)) return;
      this.#waiting.delete(job);
      job.start();
    }
    if (this.#isOnDuty || this.#duties.length === 0 || this.#running >= this.#atOnce) return;
    if (this.#places.take(this)) this.#doNext();
  }

  #doNext(): void {
    const duty = this.#duties.shift();
    assert(duty !== undefined, "a place was taken for nothing");
    const job: Job = {
      isOver: false,
      start: () => {},
      giveUp: () => {
        job.isOver = true;
        this.#hang();
      },
    };
    this.#isOnDuty = true;
    this.#running += 1;
    const done = duty.work().finally(() => (this.#isOnDuty = false));
    void this.#finish(job, setTimeout(job.giveUp, duty.limitMs), done, () => {});
  }

  #hang(): void {
    this.#hanging += 1;
    // What waits for those that hang would wait in vain.
    if (this.#isStuck) for (const each of this.#waiting) each.giveUp();
  }

  get #isStuck(): boolean {
    return this.#hanging >= this.#atOnce;
  }

  async #finish<T>(
    job: Job,
    timer: NodeJS.Timeout,
    work: Promise<T>,
    discard: (result: T) => void,
  ): Promise<T | NotFound> {
    let result: T | NotFound;
    try {
      const made = await work;
      if (job.isOver) discard(made);
      result = made;
    } catch (error) {
      result = { kind: "failed", why: String(error) };
    }
    clearTimeout(timer);
    this.#running -= 1;
    if (job.isOver) this.#hanging -= 1;
    this.#places.giveBack();
    this.go();
    return result;
  }
}
