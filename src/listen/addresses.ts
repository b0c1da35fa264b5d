// How many connections are open, in all and for each address they come from. With several processes the
// limits hold over all of them: see `src/lib/tally.ts` for how, and how exactly.

import { Tally } from "../lib/tally.ts";
import type { TallyNews, TallyReport } from "../lib/tally.ts";

export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

/** The key under which all connections are counted. No address looks like it. */
const all = "";

export class Addresses {
  limits: ConnectionLimits;
  readonly #tally = new Tally();

  constructor(limits: ConnectionLimits) {
    this.limits = limits;
  }

  /** Open connections of this process. */
  get total(): number {
    return this.#tally.countOf(all);
  }

  /** Among how many processes the limits are shared. */
  get parties(): number {
    return this.#tally.parties;
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

  /** For the hub; undefined = nothing to tell. */
  changes(): TallyReport | undefined {
    return this.#tally.changes();
  }

  /** From the hub. Send `changes()` afterwards. */
  learn(news: TallyNews): void {
    const { connections, connectionsPerAddress } = this.limits;
    this.#tally.learn(news, (key) => (key === all ? connections : connectionsPerAddress));
  }
}
