// Who is there, and who was there until lately.

import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { type NodeFacts, readNodeFacts } from "./node-facts.ts";

export interface RollEntry {
  readonly name: string;
  readonly facts: NodeFacts;
  /** It was there then; milliseconds since 1970. undefined = it is. */
  readonly goneSince: number | undefined;
}

export class Roll {
  readonly #now: () => number;
  readonly #present = new Map<string, NodeFacts>();
  readonly #gone = new Map<string, { readonly facts: NodeFacts; readonly since: number }>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  load(all: Iterable<{ name: string; text: string }>): void {
    const before = [...this.#present];
    this.#present.clear();
    for (const { name, text } of all) this.change(name, text);
    for (const [name, facts] of before) if (!this.#present.has(name)) this.#leave(name, facts);
  }

  /** @param text undefined = it left, or was not heard of any more */
  change(name: string, text: string | undefined): void {
    const before = this.#present.get(name);
    const facts = text === undefined ? undefined : readNodeFacts(text);
    if (facts === undefined) {
      this.#present.delete(name);
      if (before !== undefined) this.#leave(name, before);
    } else if (before !== undefined || this.#present.size < limits.nodes) {
      this.#gone.delete(name);
      this.#present.set(name, facts);
    }
  }

  #leave(name: string, facts: NodeFacts): void {
    this.#gone.delete(name);
    this.#gone.set(name, { facts, since: this.#now() });
    if (this.#gone.size <= limits.gone) return;
    const [oldest = ""] = this.#gone.keys();
    this.#gone.delete(oldest);
  }

  /** It is there. */
  has(name: string): boolean {
    return this.#present.has(name);
  }

  get entries(): readonly RollEntry[] {
    const present = [...this.#present].map(([name, facts]) => ({
      ...{ name, facts, goneSince: undefined },
    }));
    const gone = [...this.#gone].map(([name, { facts, since }]) => ({
      ...{ name, facts, goneSince: since },
    }));
    return [...present, ...gone].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
