// Looks after the workers that serve: one that gives no sign of life is killed, one that has grown too large
// is replaced. A worker that is too large as soon as it starts would be replaced for ever; it is left longer
// in peace each time.

import type { WorkerSettings } from "../config/snapshot.ts";
import { Backoff } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import type { Member } from "./member.ts";

export interface WatchOptions {
  readonly log: Log;
  /** Those that serve. */
  members(): readonly Member[];
  /** Those that finish what they carry. */
  leaving(): readonly Member[];
  settings(): WorkerSettings;
  /** A worker is being replaced, for whatever reason. */
  isBusy(): boolean;
  replace(member: Member, reason: string): void;
}

const stepMs = 250;

/** Between two replacements for memory in one slot, ms. */
const peace = { first: 1000, longest: 15 * 60_000, forgottenAfter: 10 * 60_000 };

export class Watch {
  readonly #options: WatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #peace = new Map<number, { readonly backoff: Backoff; until: number }>();
  #sinceCheck = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    // Steps are counted, not time: when this process was stopped, nobody else is to blame for it.
    this.#timer = setInterval(() => this.#step(), stepMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #step(): void {
    const members = this.#options.members();
    if (members.length === 0) return;
    const { hangTimeout, checkInterval, memoryLimit } = this.#options.settings();
    for (const each of [...members, ...this.#options.leaving()]) {
      each.silence++;
      if (hangTimeout > 0 && each.silence * stepMs > hangTimeout) this.#onSilent(each);
    }
    this.#sinceCheck += stepMs;
    if (this.#sinceCheck < checkInterval) return;
    this.#sinceCheck = 0;
    if (memoryLimit === 0) return;
    for (const each of members) {
      // One at a time: all at once would take twice the memory, and all cores, just when there is too little.
      if (each.memory > memoryLimit && !this.#options.isBusy()) this.#onLarge(each, memoryLimit);
    }
  }

  #onSilent(member: Member): void {
    const { pid, silence } = member;
    this.#options.log.error("a worker gives no sign of life and is killed", {
      worker: pid,
      silent: `${silence * stepMs} ms`,
    });
    member.silence = 0;
    member.kill();
  }

  #onLarge(member: Member, limit: number): void {
    const now = performance.now();
    const peaceOf = this.#peace.get(member.slot) ?? { backoff: new Backoff(peace), until: 0 };
    this.#peace.set(member.slot, peaceOf);
    if (now < peaceOf.until) return;
    const lived = now - member.liveAt;
    const wait = peaceOf.backoff.next(lived);
    peaceOf.until = now + wait;
    const fields = {
      worker: member.pid,
      memory: mebibytes(member.memory),
      limit: mebibytes(limit),
    };
    this.#options.log.warn("a worker uses too much memory and is replaced", fields);
    if (wait > peace.first) {
      this.#options.log.warn("workers reach workers.memoryLimit soon after they start: raise it", {
        ...fields,
        next: `not before ${Math.round(wait / 1000)} s`,
      });
    }
    this.#options.replace(member, "it used too much memory");
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
