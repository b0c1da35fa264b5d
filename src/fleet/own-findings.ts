// What traffic of this node found dead, and whether it is worth telling. A node that finds most of what it asks
// dead has more likely lost its own way there; and where another node found the contrary, it is this one's
// trouble alone.

import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { deadKey } from "./fleet-keys.ts";
import type { ShownMark } from "./mark-book.ts";

interface Finding {
  readonly service: string;
  readonly backend: string;
  /** The backend gets nothing here until then. */
  readonly until: number;
  /** What is not found again counts for so long. */
  readonly countsUntil: number;
}

export class OwnFindings {
  readonly #backendsOf: (service: string) => readonly string[];
  readonly #now: () => number;
  readonly #found = new Map<string, Finding>();
  /** Where others found the contrary, until when that is remembered. */
  readonly #disputed = new Map<string, number>();

  /** @param backendsOf those that are served now; none of a service that is not */
  constructor(backendsOf: (service: string) => readonly string[], now: () => number = Date.now) {
    this.#backendsOf = backendsOf;
    this.#now = now;
  }

  note(mark: ShownMark): void {
    const { service, backend } = mark;
    const key = deadKey(service, backend);
    this.#found.delete(key);
    if (mark.kind === "alive") return;
    const now = this.#now();
    const until = now + mark.for;
    const countsUntil = Math.max(until, now + limits.findingFor);
    this.#found.set(key, { service, backend, until, countsUntil });
    dropOldest(this.#found);
  }

  /** It gets nothing here because of what was found here. */
  isInForce(service: string, backend: string): boolean {
    return (this.#found.get(deadKey(service, backend))?.until ?? 0) > this.#now();
  }

  /** Another node found that it lives. @returns whether it was found dead here */
  dispute(service: string, backend: string): boolean {
    if (!this.isInForce(service, backend)) return false;
    const key = deadKey(service, backend);
    this.#found.delete(key);
    this.#disputed.delete(key);
    this.#disputed.set(key, this.#now() + limits.disputedFor);
    dropOldest(this.#disputed);
    return true;
  }

  isDisputed(service: string, backend: string): boolean {
    return (this.#disputed.get(deadKey(service, backend)) ?? 0) > this.#now();
  }

  /** More than half of the backends that could have been asked instead are dead too, and more than one. */
  isDoubtful(): boolean {
    const dead = new Map<string, number>();
    const now = this.#now();
    for (const [key, { service, backend, countsUntil }] of this.#found) {
      const isServed = this.#backendsOf(service).includes(backend);
      if (isServed && countsUntil > now) dead.set(service, (dead.get(service) ?? 0) + 1);
      else this.#found.delete(key);
    }
    // Of services that nobody asks for nothing is known: they say neither this nor that.
    const all = [...dead.keys()].reduce((sum, each) => sum + this.#backendsOf(each).length, 0);
    return this.#found.size >= 2 && this.#found.size > all / 2;
  }
}

function dropOldest(all: Map<string, unknown>): void {
  if (all.size <= limits.marks) return;
  const [oldest = ""] = all.keys();
  all.delete(oldest);
}
