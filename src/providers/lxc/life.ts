// One container while it runs: its state and first process, asked of LXC when something was heard of it, and
// the addresses which that process sees. Asking takes a process and may hang, so nobody waits long for it.

import { readFile } from "node:fs/promises";
import type { GuestInit } from "../../config/guest.ts";
import { lxcDiscovery } from "../../config/provider-limits.ts";
import type { Workload } from "../workload.ts";
import { beginning, firstProcess } from "../first-process.ts";
import { findInit, isInitOf } from "./lxc-init.ts";
import { type Info, infoOf, type Place } from "./lxc-tools.ts";
import { globalV6, localV4, type SeenV6 } from "./proc-net.ts";

/** Addresses of a container's own network. */
export interface Seen {
  readonly v4: readonly string[];
  readonly v6: readonly SeenV6[];
}

export interface LifeOptions {
  /** Runs it when there is room for one more program. */
  queue<T>(work: () => Promise<T>): Promise<T>;
  /** Something is to be looked at again in so many milliseconds. */
  again(ms: number): void;
  /** User that the folder of the containers belongs to. */
  readonly owner: number;
}

export class Life {
  readonly place: Place;
  readonly #options: LifeOptions;
  #state: Workload["state"] = "starting";
  #pid: number | undefined;
  /** Tells the process from another that has the number later. */
  #beginning: string | undefined;
  /** Once it has shown that it is this container's. */
  #init: GuestInit | undefined;
  #seen: Seen | undefined;
  #seenAt = 0;
  #why: string | undefined;
  #since = performance.now();
  #asking: Promise<void> | undefined;
  #isDirty = true;
  #lostAt: number | undefined;
  /** When an answer that says nothing is not believed any longer. */
  #askAgainAt = Number.POSITIVE_INFINITY;

  constructor(place: Place, options: LifeOptions) {
    this.place = place;
    this.#options = options;
  }

  get state(): Workload["state"] {
    return this.#state;
  }

  /** Its first process, once it is up: while it starts it still sees the files of this machine. */
  get init(): GuestInit | undefined {
    return this.#state === "running" || this.#state === "paused" ? this.#init : undefined;
  }

  /** undefined = it cannot be seen. */
  get seen(): Seen | undefined {
    return this.#seen;
  }

  /** A part of a sentence: why it cannot be seen. */
  get why(): string | undefined {
    return this.#why;
  }

  /** How long it has been running, ms. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** Something was heard of it. */
  touch(): void {
    this.#isDirty = true;
    this.#seenAt = 0;
  }

  /** Settles when it is known, or not soon; then `again` is called when it is. */
  async update(signal: AbortSignal): Promise<void> {
    if (this.#pid !== undefined && (await beginning(this.#pid)) !== this.#beginning) this.touch();
    const isPassing = this.#state === "starting" || this.#state === "stopping";
    const isDue = this.#isDirty || isPassing || performance.now() >= this.#askAgainAt;
    if (isDue && this.#asking === undefined) {
      this.#isDirty = false;
      this.#asking = this.#ask(signal).finally(() => (this.#asking = undefined));
    }
    if (this.#asking !== undefined && !(await this.#isInTime(this.#asking))) return;
    if (performance.now() - this.#seenAt >= lxcDiscovery.seenFor) await this.look();
    // The first address is not the last: IPv6 by the router's word comes seconds later.
    const isYoung = this.#state === "running" && this.age < lxcDiscovery.addressWithin;
    if (isYoung) this.#options.again(lxcDiscovery.seenFor);
  }

  async #isInTime(asking: Promise<void>): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), lxcDiscovery.infoPatience);
    const inTime = await Promise.race([asking.then(() => true), late]);
    clearTimeout(timer);
    // Whoever is late tells when it comes.
    if (!inTime) void asking.then(() => this.#options.again(0));
    return inTime;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    let info: Info;
    try {
      info = await this.#options.queue(() => infoOf(this.place, signal));
    } catch {
      return; // aborted
    }
    const now = performance.now();
    this.#askAgainAt = info.kind === "unknown" ? now + lxcDiscovery.infoAgain : Infinity;
    if (info.kind === "unknown") {
      // Its command socket is there, so it runs.
      this.#state = "running";
      this.#why = info.why;
      await this.#follow(await findInit(this.place, this.#options.owner));
      return;
    }
    const state = stateOf(info.state);
    const isGone = state !== "running" && state !== "paused";
    if (isGone && this.#state === "running") {
      this.#lostAt ??= now;
      if (now - this.#lostAt < lxcDiscovery.reboot) {
        this.#isDirty = true;
        this.#options.again(lxcDiscovery.reboot / 4);
        return;
      }
    }
    this.#lostAt = undefined;
    if (isGone) this.#options.again(lxcDiscovery.passing);
    this.#state = state;
    this.#why = undefined;
    await this.#follow(info.pid);
  }

  async #follow(pid: number | undefined): Promise<void> {
    this.#become(pid, pid === undefined ? undefined : await beginning(pid));
    if (pid === undefined || this.#init !== undefined) return;
    const { place } = this;
    const { owner } = this.#options;
    const init = await firstProcess(pid, (each) => isInitOf(each, place, owner));
    if (this.#pid === pid && this.#beginning === init?.startedAt) this.#init = init;
  }

  #become(pid: number | undefined, began: string | undefined): void {
    if (pid !== this.#pid || began !== this.#beginning) {
      this.#since = performance.now();
      this.#seenAt = 0;
      this.#seen = undefined;
      this.#init = undefined;
    }
    this.#pid = pid;
    this.#beginning = began;
  }

  /** Reads its addresses. Never rejects. */
  async look(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    try {
      const [v4, v6] = await Promise.all([
        readFile(`/proc/${pid}/net/fib_trie`, "utf8"),
        // Not there where the kernel has no IPv6.
        readFile(`/proc/${pid}/net/if_inet6`, "utf8").catch(() => ""),
      ]);
      // Another process may have the number by now, and other addresses.
      if (this.#pid !== pid || (await beginning(pid)) !== this.#beginning) return;
      this.#seen = { v4: localV4(v4), v6: globalV6(v6) };
      this.#seenAt = performance.now();
      this.#why = undefined;
    } catch (error) {
      this.#seen = undefined;
      this.#why = error instanceof Error ? error.message : String(error);
    }
  }
}

function stateOf(text: string): Workload["state"] {
  switch (text) {
    case "FREEZING":
    case "FROZEN":
      return "paused";
    case "STARTING":
      return "starting";
    case "STOPPING":
    case "ABORTING":
      return "stopping";
    case "STOPPED":
      return "stopped";
    default:
      return "running";
  }
}
