// The data plane of one process: listeners, the proxy behind them, and the change from one snapshot to the
// next while traffic flows. The only place where they are put together.

import { isDeepStrictEqual } from "node:util";

import type { Address, Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { Wheel } from "../lib/wheel.ts";
import { Addresses } from "../listen/addresses.ts";
import { Listener } from "../listen/listener.ts";
import { Proxy } from "../proxy/handle.ts";
import { Live, type LiveOptions } from "../proxy/live.ts";
import type { Plan } from "../proxy/plan.ts";

/** Deadlines are coarse: nobody sets a timeout to a tenth of a second. */
const tickMs = 50;
const sweepMs = 1000;

export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

export class DataPlane {
  readonly #log: Log;
  readonly #wheel = new Wheel(tickMs);
  readonly #addresses: Addresses;
  readonly #proxy: Proxy;
  readonly #liveOptions: LiveOptions;
  readonly #listeners = new Map<string, { settings: ListenerSettings; listener: Listener<Plan> }>();
  /** Listeners that were taken out of the configuration and finish what they carry. */
  readonly #leaving = new Set<Listener<Plan>>();
  readonly #sweeper: NodeJS.Timeout;

  private constructor(snapshot: Snapshot, log: Log) {
    this.#log = log;
    this.#addresses = new Addresses(snapshot.limits);
    this.#liveOptions = {
      upstream: { wheel: this.#wheel },
      onProblem: (message) => log.warn(message),
    };
    this.#proxy = new Proxy({
      live: new Live(snapshot, undefined, this.#liveOptions),
      wheel: this.#wheel,
      onProblem: (message, fields) => log.warn(message, fields),
    });
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Opens all listeners; throws when one cannot be opened. */
  static async start(snapshot: Snapshot, log: Log): Promise<DataPlane> {
    const plane = new DataPlane(snapshot, log);
    for (const settings of snapshot.listeners) await plane.#open(settings, snapshot);
    return plane;
  }

  async #open(settings: ListenerSettings, snapshot: Snapshot): Promise<void> {
    const listener = new Listener<Plan>({
      settings,
      snapshot,
      handler: this.#proxy,
      wheel: this.#wheel,
      addresses: this.#addresses,
      onProblem: (message, fields) => this.#log.warn(message, fields),
    });
    await listener.open();
    this.#listeners.set(settings.name, { settings, listener });
  }

  /**
   * Goes over to another snapshot. New listeners are opened first: when one cannot be, nothing changes and
   * the reason is thrown. Then the table is swapped, and listeners that are gone finish what they carry.
   */
  async apply(snapshot: Snapshot): Promise<void> {
    const next = new Map(snapshot.listeners.map((each) => [each.name, each]));
    const gone: string[] = [];
    for (const [name, { settings }] of this.#listeners) {
      const wanted = next.get(name);
      if (wanted === undefined || !isSameBind(wanted.bind, settings.bind)) gone.push(name);
    }
    const old = this.#takeOut(gone);
    try {
      for (const settings of snapshot.listeners) {
        if (!this.#listeners.has(settings.name)) await this.#reopen(settings, snapshot, old);
      }
    } catch (error) {
      this.#putBack(old, snapshot);
      throw error;
    }
    this.#proxy.live = new Live(snapshot, this.#proxy.live, this.#liveOptions);
    this.#addresses.limits = snapshot.limits;
    for (const [name, entry] of this.#listeners) {
      const settings = next.get(name);
      if (settings === undefined) continue;
      entry.settings = settings;
      entry.listener.update(settings, snapshot);
    }
    for (const { listener } of old.values()) this.#leave(listener);
  }

  #takeOut(names: readonly string[]): Map<string, Entry> {
    const taken = new Map<string, Entry>();
    for (const name of names) {
      const entry = this.#listeners.get(name);
      if (entry !== undefined) taken.set(name, entry);
      this.#listeners.delete(name);
    }
    return taken;
  }

  /** An address that an old listener still holds is given up by it first, and only then. */
  async #reopen(
    settings: ListenerSettings,
    snapshot: Snapshot,
    old: Map<string, Entry>,
  ): Promise<void> {
    for (const { settings: before, listener } of old.values()) {
      const overlaps = before.bind.some((a) => settings.bind.some((b) => isDeepStrictEqual(a, b)));
      if (overlaps) listener.stop();
    }
    await this.#open(settings, snapshot);
  }

  /** After a listener could not be opened: as before, as far as addresses had been given up reopened. */
  #putBack(old: Map<string, Entry>, snapshot: Snapshot): void {
    const kept = new Set(old.keys());
    for (const [name, { listener, settings }] of this.#listeners) {
      if (kept.has(name) || !snapshot.listeners.includes(settings)) continue;
      this.#listeners.delete(name);
      this.#leave(listener);
    }
    for (const [name, entry] of old) {
      const added = this.#listeners.get(name);
      if (added !== undefined) this.#leave(added.listener);
      this.#listeners.set(name, entry);
      if (entry.listener.bound.length > 0) continue;
      entry.listener.open().catch((error: unknown) => {
        this.#log.error("a listener could not be opened again", {
          listener: name,
          cause: String(error),
        });
      });
    }
  }

  #leave(listener: Listener<Plan>): void {
    listener.drain();
    this.#leaving.add(listener);
  }

  /** Where clients can connect, by listener. */
  get bound(): Record<string, BoundAddress[]> {
    return Object.fromEntries(
      [...this.#listeners].map(([name, { listener }]) => [name, listener.bound]),
    );
  }

  get snapshot(): Snapshot {
    return this.#proxy.live.snapshot;
  }

  reopenLogs(): void {
    this.#proxy.live.reopenLogs();
  }

  #sweep(): void {
    for (const service of this.#proxy.live.services) service.sweep();
    for (const listener of this.#leaving) {
      if (listener.connectionCount === 0) this.#leaving.delete(listener);
    }
  }

  /** Accepts no more, finishes what runs within the configured times, and closes everything. */
  async drain(signal: AbortSignal): Promise<void> {
    const { grace, tunnelGrace } = this.snapshot.shutdown;
    const listeners = [...this.#listeners.values()].map(({ listener }) => listener);
    for (const listener of listeners) listener.drain();
    const all = [...listeners, ...this.#leaving];
    const exchanges = () =>
      all.reduce((sum, each) => sum + each.connectionCount - each.tunnelCount, 0);
    const tunnels = () => all.reduce((sum, each) => sum + each.tunnelCount, 0);
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    while (!signal.aborted && (exchanges() > 0 || tunnels() > 0)) {
      if (elapsed() >= tunnelGrace) for (const each of all) each.abort((one) => one.isTunnel);
      if (elapsed() >= grace) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const each of all) each.abort(() => true);
    clearInterval(this.#sweeper);
    await this.#proxy.live[Symbol.asyncDispose]();
  }
}

interface Entry {
  settings: ListenerSettings;
  listener: Listener<Plan>;
}

function isSameBind(a: readonly Address[], b: readonly Address[]): boolean {
  return isDeepStrictEqual(a, b);
}
