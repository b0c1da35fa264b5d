// Which backend the sessions of an application live on. Two generations instead of a list in order of use:
// what is used goes to the young one, and when that is full the old one is dropped whole. So at least as many
// sessions are remembered as were asked for, always the last used ones, and never more than twice as many.

import { createHash } from "node:crypto";
import { type Clock, clock } from "./clock.ts";

// Session ids have 16 to 128 characters; one of 10 kB, as a signed cookie may be, would be most of the memory.
const longestKept = 256;

interface Session<B> {
  readonly key: string;
  readonly backend: B;
  usedAt: number;
}

export interface SessionsSettings {
  readonly sessions: number;
  /** How long one is remembered that nobody uses, ms; 0 = for ever. */
  readonly idle: number;
}

export class Sessions<B> {
  readonly #settings: SessionsSettings;
  readonly #now: Clock;
  #young = new Map<string, Session<B>>();
  #old = new Map<string, Session<B>>();
  /** When the young generation began. */
  #since: number;

  constructor(settings: SessionsSettings, { now = clock }: { readonly now?: Clock } = {}) {
    this.#settings = settings;
    this.#now = now;
    this.#since = now();
  }

  /** Sessions in memory; those that are in both generations count twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(id: string): B | undefined {
    const now = this.#turn();
    const key = keyOf(id);
    const young = this.#young.get(key);
    const session = young ?? this.#old.get(key);
    if (session === undefined) return undefined;
    const { idle } = this.#settings;
    if (idle > 0 && now - session.usedAt >= idle) return undefined;
    session.usedAt = now;
    if (young === undefined) this.#add(session, now);
    return session.backend;
  }

  set(id: string, backend: B): void {
    const now = this.#turn();
    const key = keyOf(id);
    const known = this.#young.get(key);
    if (known?.backend === backend) {
      known.usedAt = now;
      return;
    }
    // What it was before must not come to light again when the new one is forgotten.
    this.#old.delete(key);
    this.#add({ key: known?.key ?? copyOf(key), backend, usedAt: now }, now);
  }

  /** Nobody stays with this backend any more. */
  forget(backend: B): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [key, session] of generation) {
        if (session.backend === backend) generation.delete(key);
      }
    }
  }

  #add(session: Session<B>, now: number): void {
    if (this.#young.size >= this.#settings.sessions) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(session.key, session);
  }

  /** Drops generations that nobody has used for too long. Returns the time. */
  #turn(): number {
    const now = this.#now();
    const { idle } = this.#settings;
    const age = now - this.#since;
    if (idle === 0 || age < idle) return now;
    // Everything in the old one was last used before the young one began.
    this.#old = age < 2 * idle ? this.#young : new Map();
    this.#young = new Map();
    this.#since = now;
    return now;
  }
}

function keyOf(id: string): string {
  return id.length <= longestKept ? id : createHash("sha256").update(id).digest("base64url");
}

/** An id is a slice of a received head, which would stay in memory as a whole. */
function copyOf(key: string): string {
  return Buffer.from(key).toString();
}
