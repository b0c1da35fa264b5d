// Orders of operators, as all nodes have them: who orders last is obeyed. What is ordered while etcd is away
// is told when it is back, unless somebody else ordered later meanwhile, by the clocks of the two hosts. That
// something was taken back stays there for a while: a key that is not there says nothing, so that an etcd
// that lost its data does not take back what operators want.

import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { isRecord } from "../lib/json.ts";
import { type Order, orderKey } from "./fleet-keys.ts";
import { parsedJson } from "./parsed-json.ts";
import type { Writer } from "./writer.ts";

/** Where orders are obeyed. */
export interface Obeying {
  /** All that are in force here. */
  orders(): readonly Order[];
  /** An order of somebody else; nothing happens when there is no such service or backend here. */
  obey(order: Order, isOn: boolean): void;
}

interface Shared {
  readonly order: Order;
  readonly isOn: boolean;
  /** Milliseconds since 1970, by the clock of who ordered. */
  readonly at: number;
  readonly revision: string;
}

interface Untold {
  readonly order: Order;
  readonly isOn: boolean;
  readonly at: number;
  /** Revision of what we knew then; "0" = nothing. */
  readonly known: string;
  /** etcd was away: somebody else may have ordered later. */
  isLate: boolean;
  /** Revision of it once it was written; until that comes back, older ones do not count. */
  written: string | undefined;
}

export class OrderBook {
  readonly #obeying: Obeying;
  readonly #now: () => number;
  readonly #shared = new Map<string, Shared>();
  readonly #untold = new Map<string, Untold>();
  /** Everything up to this revision has been heard. */
  #heard = 0n;

  constructor(obeying: Obeying, now: () => number = Date.now) {
    this.#obeying = obeying;
    this.#now = now;
  }

  // --- here --------------------------------------------------------------------------------------

  /** An operator ordered it here. @param isLate etcd is away. @returns false: too many wait */
  ordered(order: Order, isOn: boolean, isLate: boolean): boolean {
    const key = orderKey(order);
    if (!this.#untold.has(key) && this.#untold.size >= limits.orders) return false;
    const known = this.#shared.get(key)?.revision ?? "0";
    this.#untold.set(key, { order, isOn, at: this.#now(), known, isLate, written: undefined });
    return true;
  }

  /** etcd is away from now on. */
  away(): void {
    for (const each of this.#untold.values()) each.isLate = true;
  }

  /** Services may have come that orders are about. */
  settle(): void {
    const here = new Set(this.#obeying.orders().map(orderKey));
    for (const key of this.#shared.keys()) this.#settle(key, here.has(key));
  }

  #settle(key: string, isOnHere: boolean): void {
    const shared = this.#shared.get(key);
    if (shared === undefined || this.#untold.has(key) || shared.isOn === isOnHere) return;
    this.#obeying.obey(shared.order, shared.isOn);
  }

  // --- there -------------------------------------------------------------------------------------

  /** All that there is. */
  load(all: Iterable<{ order: Order; text: string; revision: string }>): void {
    this.#shared.clear();
    this.#heard = 0n;
    for (const each of all) this.#take(each);
    for (const each of this.#untold.values()) {
      if (each.written === undefined) continue;
      // It was written, and is not there: lost with the data of etcd, or overruled and taken back.
      each.written = undefined;
      each.isLate = true;
    }
    for (const order of this.#obeying.orders()) {
      const key = orderKey(order);
      if (this.#shared.has(key) || this.#untold.has(key)) continue;
      // Ordered before anybody shared anything, or lost with the data of etcd.
      this.ordered(order, true, true);
    }
    this.settle();
  }

  /** @param text undefined = somebody removed it by hand, or it was taken back long ago */
  change(order: Order, text: string | undefined, revision: string): void {
    const key = orderKey(order);
    this.#hear(revision);
    const isOnHere = () => this.#obeying.orders().some((each) => orderKey(each) === key);
    if (text !== undefined) {
      this.#take({ order, text, revision });
      this.#settle(key, isOnHere());
      return;
    }
    const before = this.#shared.get(key);
    this.#shared.delete(key);
    if (this.#isHeard(this.#untold.get(key)?.written)) this.#untold.delete(key);
    if (before?.isOn === true && !this.#untold.has(key) && isOnHere()) {
      this.#obeying.obey(order, false);
    }
  }

  #take({ order, text, revision }: { order: Order; text: string; revision: string }): void {
    const value = parsedJson(text, limits.valueBytes);
    if (!isRecord(value) || typeof value["on"] !== "boolean") return;
    const key = orderKey(order);
    const at = typeof value["at"] === "number" ? value["at"] : 0;
    this.#shared.set(key, { order, isOn: value["on"], at, revision });
    this.#hear(revision);
    if (this.#isHeard(this.#untold.get(key)?.written)) this.#untold.delete(key);
  }

  #hear(revision: string): void {
    const at = BigInt(revision);
    if (at > this.#heard) this.#heard = at;
  }

  #isHeard(revision: string | undefined): boolean {
    return revision !== undefined && BigInt(revision) <= this.#heard;
  }

  /** Tells what was not told yet. @param by this node. Rejects when etcd does not answer */
  async tell(writer: Writer, by: string): Promise<void> {
    for (const [key, each] of this.#untold) {
      if (each.written !== undefined) continue;
      const { isOn, at, isLate, known } = each;
      const shared = this.#shared.get(key);
      const isOverruled = isLate && shared !== undefined && shared.revision !== known;
      if (isOverruled && shared.at > at) {
        this.#untold.delete(key);
        this.settle();
        continue;
      }
      const lease = isOn ? {} : { lease: await writer.leaseFor(limits.takenBack) };
      // Who is late must not overrule somebody that it has not heard yet; whoever is not, is the latest.
      const only = isLate ? { ifRevision: shared?.revision ?? "0" } : {};
      const value = JSON.stringify({ on: isOn, at, by });
      const { isDone, revision } = await writer.write({ key, value, ...lease, ...only });
      // When it is not done, the change that was faster is on its way here, and brings us back.
      if (isDone && this.#untold.get(key) === each) this.#written(key, each, revision);
    }
  }

  #written(key: string, each: Untold, revision: string): void {
    each.written = revision;
    // Its change may have come back before the answer, and even what somebody made of it then.
    if (!this.#isHeard(revision)) return;
    this.#untold.delete(key);
    this.settle();
  }
}
