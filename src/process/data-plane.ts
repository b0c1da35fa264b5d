// The data plane of one process: listeners, the proxy behind them, and the change from one snapshot to the
// next while traffic flows. The only place where they are put together.

import type { Counts } from "../admin/operations.ts";
import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { Wheel } from "../lib/wheel.ts";
import { Addresses } from "../listen/addresses.ts";
import { Listener } from "../listen/listener.ts";
import type { BoundAddress, ListeningSocket } from "../listen/listening-socket.ts";
import { Proxy } from "../proxy/handle.ts";
import { Live, type LiveOptions } from "../proxy/live.ts";
import type { Plan } from "../proxy/plan.ts";
import { Ports, type SocketSource } from "./ports.ts";

/** Deadlines are coarse: nobody sets a timeout to a tenth of a second. */
const tickMs = 50;
const sweepMs = 1000;
const drainStepMs = 20;

/** How to end: what is granted to whom, ms. */
export interface DrainOptions {
  readonly grace: number;
  readonly tunnelGrace: number;
  /** Idle connections may ask once more within the grace time, so that no request meets a closed one. */
  readonly isPatient: boolean;
  /** Aborted: what is left is cut at once. */
  readonly signal: AbortSignal;
}

export interface PlaneOptions {
  readonly log: Log;
  readonly sockets: SocketSource;
}

export class DataPlane {
  readonly #log: Log;
  readonly #wheel = new Wheel(tickMs);
  readonly #addresses: Addresses;
  readonly #proxy: Proxy;
  readonly #liveOptions: LiveOptions;
  readonly #ports: Ports;
  readonly #listeners = new Map<string, Listener<Plan>>();
  /** Listeners that were taken out of the configuration and finish what they carry. */
  readonly #leaving = new Set<Listener<Plan>>();
  readonly #sweeper: NodeJS.Timeout;

  private constructor(snapshot: Snapshot, { log, sockets }: PlaneOptions) {
    this.#log = log;
    this.#ports = new Ports(sockets);
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
  static async start(snapshot: Snapshot, options: PlaneOptions): Promise<DataPlane> {
    const plane = new DataPlane(snapshot, options);
    try {
      const prepared = await plane.#ports.prepare(snapshot.listeners);
      plane.#takeListeners(snapshot);
      plane.#ports.commit(prepared, (name) => plane.#listenerOf(name));
    } catch (error) {
      clearInterval(plane.#sweeper);
      throw error;
    }
    return plane;
  }

  /**
   * Goes over to another snapshot: opens new addresses, swaps the table, and lets listeners that are gone
   * finish what they carry. Throws, with nothing changed, when an address cannot be opened.
   */
  async apply(snapshot: Snapshot): Promise<void> {
    const prepared = await this.#ports.prepare(snapshot.listeners);
    try {
      this.#proxy.live = new Live(snapshot, this.#proxy.live, this.#liveOptions);
    } catch (error) {
      this.#ports.undo(prepared);
      throw error;
    }
    this.#addresses.limits = snapshot.limits;
    const gone = this.#takeListeners(snapshot);
    this.#ports.commit(prepared, (name) => this.#listenerOf(name));
    for (const listener of gone) {
      listener.drain();
      this.#leaving.add(listener);
    }
  }

  /** Makes or updates the listeners of a snapshot; returns those it no longer has. */
  #takeListeners(snapshot: Snapshot): Listener<Plan>[] {
    const gone = new Map(this.#listeners);
    for (const settings of snapshot.listeners) {
      const known = this.#listeners.get(settings.name);
      gone.delete(settings.name);
      if (known === undefined) this.#addListener(settings, snapshot);
      else known.update(settings, snapshot);
    }
    for (const name of gone.keys()) this.#listeners.delete(name);
    return [...gone.values()];
  }

  #addListener(settings: ListenerSettings, snapshot: Snapshot): void {
    const listener = new Listener<Plan>({
      settings,
      snapshot,
      handler: this.#proxy,
      wheel: this.#wheel,
      addresses: this.#addresses,
      onProblem: (message, fields) => this.#log.warn(message, fields),
    });
    this.#listeners.set(settings.name, listener);
  }

  #listenerOf(name: string): Listener<Plan> {
    const listener = this.#listeners.get(name);
    if (listener === undefined) throw new Error(`there is no listener ${name}`);
    return listener;
  }

  /** Accepts on other sockets of an address from now on. */
  useSockets(key: string, sockets: readonly ListeningSocket[]): void {
    this.#ports.use(key, sockets);
  }

  /** Where clients can connect, by listener. */
  get bound(): Record<string, BoundAddress[]> {
    return Object.fromEntries(
      [...this.#listeners.keys()].map((name) => [name, this.#ports.boundOf(name)]),
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

  /** Addresses it accepts on, as `AddressWish.key` names them. */
  get addressKeys(): Iterable<string> {
    return this.#ports.keys;
  }

  acceptsOn(key: string): boolean {
    return this.#ports.has(key);
  }

  get addresses(): Addresses {
    return this.#addresses;
  }

  get counts(): Counts {
    const all = [...this.#listeners.values(), ...this.#leaving];
    const sum = (count: (each: Listener<Plan>) => number) =>
      all.reduce((total, each) => total + count(each), 0);
    return {
      connections: sum((each) => each.connectionCount),
      exchanges: sum((each) => each.exchangeCount),
      tunnels: sum((each) => each.tunnelCount),
      answered: this.#proxy.answered,
    };
  }

  /** Accepts no more, finishes what runs within the given times, and closes everything. */
  async drain({ grace, tunnelGrace, isPatient, signal }: DrainOptions): Promise<void> {
    const listeners = [...this.#listeners.values()];
    this.#ports.closeAll();
    for (const listener of listeners) listener.drain({ isPatient });
    const all = [...listeners, ...this.#leaving];
    const tunnels = () => all.reduce((sum, each) => sum + each.tunnelCount, 0);
    const others = () => all.reduce((sum, each) => sum + each.connectionCount, 0) - tunnels();
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    while (!signal.aborted && (others() > 0 || tunnels() > 0)) {
      if (elapsed() >= tunnelGrace) for (const each of all) each.cut((one) => one.isTunnel);
      if (elapsed() >= grace) for (const each of all) each.cut((one) => !one.isTunnel);
      await new Promise((resolve) => setTimeout(resolve, drainStepMs));
    }
    for (const each of all) each.cut(() => true);
    clearInterval(this.#sweeper);
    await this.#proxy.live[Symbol.asyncDispose]();
  }
}
