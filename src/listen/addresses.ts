// How many connections are open, in all and for each address they come from. With several processes the
// limits hold over all of them: see `src/lib/tally.ts` for how, and how exactly.

import type { Tally } from "../lib/tally.ts";

export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

/** The key under which all connections are counted. No address looks like it. */
const all = "";

export class Addresses {
  limits: ConnectionLimits;
  readonly #tally: Tally;

  /** @param tally others may count there too, by keys that look like no address */
  constructor(limits: ConnectionLimits, tally: Tally) {
    this.limits = limits;
    this.#tally = tally;
  }

  /** Open connections of this process. */
  get total(): number {
    return this.#tally.countOf(all);
  }

  /** Counts one more, unless that would be too many. 0 = no limit. Unix sockets' clients have address "". */
  enter(address: string): boolean {
    if (!this.#tally.enter(all, this.limits.connections)) return false;
    if (address === "" || this.#tally.enter(address, this.limits.connectionsPerAddress)) {
      return true;
    }
    this.#tally.leave(all);
    return false;
  }

  leave(address: string): void {
    this.#tally.leave(all);
    if (address !== "") this.#tally.leave(address);
  }

  /** What holds for a key of ours. */
  limitOf(key: string): number {
    const { connections, connectionsPerAddress } = this.limits;
    return key === all ? connections : connectionsPerAddress;
  }
}
