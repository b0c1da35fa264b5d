// All listeners of a process, of whatever protocol, as they change from one snapshot to the next. One that
// changes its protocol is another one, though it has the same name.

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Addresses } from "../listen/addresses.ts";
import type { ExchangeHandler } from "../listen/connection-context.ts";
import { Listener } from "../listen/listener.ts";
import { type ListenerCounts, listenerCounts } from "../listen/listener-counts.ts";
import { StreamListener } from "../listen/stream-listener.ts";
import type { Destinations } from "../proxy/destinations.ts";
import type { CarriedStream } from "../proxy/logged-stream.ts";
import type { Plan } from "../proxy/plan.ts";
import { ServerTls } from "../tls/server-tls.ts";
import { DatagramListener } from "../stream/datagram-listener.ts";
import type { AddressUser } from "./ports.ts";

interface Cuttable {
  readonly isTunnel: boolean;
  /** What it is known by, if it carries exchanges: an `ExchangeOrigin`. */
  readonly origin?: unknown;
}

/** What all kinds of listeners can do. */
interface Entrance {
  readonly name: string;
  readonly user: AddressUser;
  readonly counts: ListenerCounts;
  readonly connectionCount: number;
  readonly tunnelCount: number;
  readonly exchangeCount: number;
  update(settings: ListenerSettings, snapshot: Snapshot): void;
  drain(options?: { readonly isPatient: boolean }): void;
  cut(which: (connection: Cuttable) => boolean): void;
}

export interface EntrancesOptions {
  readonly log: Log;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  readonly destinations: Destinations;
  readonly handler: ExchangeHandler<Plan>;
  onStream(stream: CarriedStream): void;
  /** A client asks for a name that gets a certificate on demand. */
  onAskedName(name: string): void;
}

export class Entrances {
  readonly #options: EntrancesOptions;
  readonly #entrances = new Map<
    string,
    { readonly protocol: string; readonly entrance: Entrance }
  >();
  /** Those that were taken out of the configuration and finish what they carry. */
  readonly #leaving = new Set<Entrance>();
  readonly #tls: ServerTls;

  constructor(options: EntrancesOptions) {
    this.#options = options;
    this.#tls = new ServerTls((name) => options.onAskedName(name));
  }

  /** Makes or updates the listeners of a snapshot; returns those it no longer has. */
  take(snapshot: Snapshot): Entrance[] {
    const gone = new Map(this.#entrances);
    this.#tls.take(snapshot);
    for (const settings of snapshot.listeners) {
      const { name, protocol } = settings;
      const known = this.#entrances.get(name);
      if (known?.protocol === protocol) {
        gone.delete(name);
        known.entrance.update(settings, snapshot);
        continue;
      }
      const entrance = this.#make(settings, snapshot);
      this.#entrances.set(name, { protocol, entrance });
    }
    for (const [name, { entrance }] of gone) {
      if (this.#entrances.get(name)?.entrance === entrance) this.#entrances.delete(name);
    }
    return [...gone.values()].map(({ entrance }) => entrance);
  }

  /** Its addresses are closed or belong to others: it finishes what it carries. */
  dismiss(entrances: readonly Entrance[]): void {
    for (const each of entrances) {
      each.drain();
      this.#leaving.add(each);
    }
  }

  #make(settings: ListenerSettings, snapshot: Snapshot): Entrance {
    switch (settings.protocol) {
      case "http":
        return this.#makeHttp(settings, snapshot);
      case "tcp":
        return this.#makeTcp(settings, snapshot);
      case "udp":
        return this.#makeUdp(settings);
    }
  }

  #makeHttp(settings: ListenerSettings, snapshot: Snapshot): Entrance {
    const { handler, wheel, addresses, log } = this.#options;
    const onProblem = (message: string, fields: object) => log.warn(message, { ...fields });
    const listener = new Listener<Plan>({
      settings,
      snapshot,
      handler,
      wheel,
      addresses,
      tls: this.#tls,
      onProblem,
    });
    return ofConnections(listener);
  }

  #makeTcp(settings: ListenerSettings, snapshot: Snapshot): Entrance {
    const { wheel, addresses, destinations, log, onStream } = this.#options;
    const listener = new StreamListener({
      settings,
      snapshot,
      wheel,
      addresses,
      tls: this.#tls,
      destinationOf: (service) => destinations.get(service),
      onEnd: (record) => onStream({ protocol: "TCP", ...record }),
      onProblem: (message, fields) => log.warn(message, fields),
    });
    return ofConnections(listener);
  }

  #makeUdp(settings: ListenerSettings): Entrance {
    const { wheel, log, onStream } = this.#options;
    const listener = new DatagramListener({
      settings,
      destination: this.#destinationOf(settings),
      wheel,
      onProblem: (message, fields) => log.warn(message, fields),
      onEnd: ({ service = "", backend = "", ...record }) =>
        onStream({ protocol: "UDP", route: "", serverName: "", service, backend, ...record }),
    });
    return {
      name: settings.name,
      user: listener,
      // Datagrams come in without a connection: what is told of them are sessions.
      counts: listenerCounts(),
      get connectionCount() {
        return listener.sessionCount;
      },
      // What is carried as it comes has no end that could be waited for, as a tunnel has none.
      get tunnelCount() {
        return listener.sessionCount;
      },
      exchangeCount: 0,
      update: (next) => listener.update(next, this.#destinationOf(next)),
      drain: () => listener.drain(),
      cut: (which) => {
        if (which({ isTunnel: true })) listener.cut();
      },
    };
  }

  #destinationOf({ name, service = "" }: ListenerSettings) {
    const destination = this.#options.destinations.get(service);
    if (destination === undefined) throw new Error(`the listener ${name} leads nowhere`);
    return destination;
  }

  userOf(name: string): AddressUser {
    const known = this.#entrances.get(name);
    if (known === undefined) throw new Error(`there is no listener ${name}`);
    return known.entrance.user;
  }

  get names(): Iterable<string> {
    return this.#entrances.keys();
  }

  /** Forgets those that have nothing left to finish. */
  sweep(): void {
    for (const each of this.#leaving) if (each.connectionCount === 0) this.#leaving.delete(each);
  }

  get #all(): Entrance[] {
    return [...[...this.#entrances.values()].map(({ entrance }) => entrance), ...this.#leaving];
  }

  /** What each counted, those included that finish what they carry. */
  *counts(): Iterable<readonly [name: string, counts: ListenerCounts, open: number]> {
    for (const { name, counts, connectionCount } of this.#all) {
      yield [name, counts, connectionCount];
    }
  }

  sum(name: "connectionCount" | "tunnelCount" | "exchangeCount"): number {
    return this.#all.reduce((total, each) => total + each[name], 0);
  }

  /** Its ports are closed: everything finishes what it carries. */
  drain(isPatient: boolean): void {
    for (const { entrance } of this.#entrances.values()) entrance.drain({ isPatient });
  }

  cut(which: (connection: Cuttable) => boolean): void {
    for (const each of this.#all) each.cut(which);
  }
}

function ofConnections(listener: Listener<Plan> | StreamListener): Entrance {
  return {
    name: listener.name,
    user: listener,
    counts: listener.counts,
    get connectionCount() {
      return listener.connectionCount;
    },
    get tunnelCount() {
      return listener.tunnelCount;
    },
    get exchangeCount() {
      return listener.exchangeCount;
    },
    update: (settings, snapshot) => listener.update(settings, snapshot),
    drain: (options) => listener.drain(options),
    cut: (which) => listener.cut(which),
  };
}
