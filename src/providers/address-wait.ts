// No platform tells when a guest got its address: while somebody runs without one, or with IPv6 alone (which
// is there first), it is asked again, soon at first. After a while the regular listing has to do.

import { setTimeout as pause } from "node:timers/promises";
import { addressWait, discovery } from "../config/provider-limits.ts";
import { Pulse } from "../lib/pulse.ts";
import type { Workload, WorkloadAddress } from "./workload.ts";

export interface AddressWaitOptions {
  /** Addresses by id of those that run, as they are now. May reject: it is asked again. */
  ask(
    waiting: readonly Workload[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly WorkloadAddress[]>>;
  /** Somebody's addresses are others than they were. */
  found(): void;
}

export class AddressWait {
  readonly #pulse = new Pulse();
  /** Since when, ms of the monotonic clock, by id. */
  readonly #since = new Map<string, number>();
  #waiting: readonly Workload[] = [];
  #isNews = false;

  /** All there are, after each listing. */
  listed(workloads: readonly Workload[]): void {
    this.#waiting = workloads.filter((each) => each.state === "running" && !hasV4(each.addresses));
    const ids = new Set(this.#waiting.map(({ id }) => id));
    for (const id of this.#since.keys()) if (!ids.has(id)) this.#since.delete(id);
    for (const id of ids) {
      if (this.#since.has(id)) continue;
      this.#since.set(id, performance.now());
      this.#isNews = true;
    }
    if (ids.size > 0) this.#pulse.raise();
  }

  /** Ends when the signal is aborted. */
  async run({ ask, found }: AddressWaitOptions, signal: AbortSignal): Promise<void> {
    let step: number = addressWait.first;
    while (!signal.aborted) {
      const due = this.#due();
      if (due.length === 0) {
        this.#pulse.clear();
        await this.#pulse.wait(discovery.relist, signal);
        continue;
      }
      step = this.#isNews ? addressWait.first : Math.min(addressWait.longest, step * 1.5);
      this.#isNews = false;
      // Rejects only when aborted, and then the loop ends.
      await pause(step, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      // The listing tells of a platform that cannot be asked.
      const seen = await ask(due, signal).catch(() => undefined);
      const isOther = (each: Workload) =>
        seen?.has(each.id) && wordsOf(seen.get(each.id) ?? []) !== wordsOf(each.addresses);
      if (due.some(isOther)) found();
    }
  }

  #due(): Workload[] {
    const oldest = performance.now() - addressWait.givenUpAfter;
    return this.#waiting.filter(({ id }) => (this.#since.get(id) ?? 0) > oldest);
  }
}

function hasV4(addresses: readonly WorkloadAddress[]): boolean {
  return addresses.some(({ ip }) => !ip.includes(":"));
}

function wordsOf(addresses: readonly WorkloadAddress[]): string {
  return addresses.map(({ ip, network }) => `${ip} ${network}`).join();
}
