// Who holds which host name. What a former process knew holds until all platforms were heard: a new start must
// not give a host to who is older, and was refused it.

import { isDeepStrictEqual } from "node:util";

import type { Holders } from "../routing/ownership.ts";
import type { HolderMemory } from "./holder-memory.ts";

export class HolderBook {
  readonly #memory: HolderMemory;
  #current: Holders = new Map();
  /** Of the process before us; undefined = not looked for yet. */
  #earlier: Holders | undefined;

  constructor(memory: HolderMemory) {
    this.#memory = memory;
  }

  get current(): Holders {
    return this.#current;
  }

  /** From now on there are platforms, where tenants are. */
  recall(): void {
    if (this.#earlier !== undefined) return;
    this.#earlier = this.#memory.recall();
    this.#current = this.#earlier;
  }

  /** @param isComplete all platforms were heard */
  hold(holders: Holders, isComplete: boolean): void {
    const before = this.#current;
    if (isComplete) this.#earlier &&= new Map();
    this.#current = new Map([...(this.#earlier ?? []), ...holders]);
    if (!isDeepStrictEqual(this.#current, before)) this.#memory.keep(this.#current);
  }
}
