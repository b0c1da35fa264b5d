// Where clients come in: the sockets of one listener, and the connections accepted on them.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin, SecureFacts } from "../http/exchange.ts";
import { plainAddress } from "../lib/ip.ts";
import { Roster } from "../lib/roster.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Receiver } from "./adopt.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import type { Addresses } from "./addresses.ts";
import type {
  ConnectionContext,
  ConnectionSettings,
  ExchangeHandler,
} from "./connection-context.ts";
import { Door, type Guest } from "./door.ts";
import { Connection } from "./http1.ts";
import type { ListenerCounts } from "./listener-counts.ts";
import type { Port, PortUser } from "./port.ts";
import { TlsGates } from "./tls-gate.ts";

export interface ListenerOptions<P> {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  readonly tls: ServerTls;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** What may decide whether a connection is cut. */
export interface CuttableConnection {
  readonly isTunnel: boolean;
  /** What it is known by; undefined = it has not got so far. */
  readonly origin?: unknown;
}

export class Listener<P> implements ConnectionContext<P>, PortUser {
  readonly name: string;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  settings: ConnectionSettings;
  isDraining = false;
  readonly #connections = new Roster<Connection<P>>();
  readonly #door: Door;
  readonly #options: ListenerOptions<P>;
  /** undefined = what comes is in the clear. */
  #gates: TlsGates | undefined;
  bufferBytes: number;

  constructor(options: ListenerOptions<P>) {
    this.name = options.settings.name;
    this.handler = options.handler;
    this.wheel = options.wheel;
    this.settings = connectionSettings(options.settings, options.snapshot);
    this.#options = options;
    this.#door = new Door(options);
    this.#gates = this.#gatesFor(options.settings, options.snapshot);
    this.bufferBytes = options.snapshot.limits.bufferBytes;
  }

  onAcceptFailed(error: Error): void {
    this.#door.onAcceptFailed(error);
  }

  accept(socket: Socket, port: Port): Receiver | undefined {
    return this.#door.enter(socket, port, (guest) => this.#let(socket, port, guest));
  }

  #let(socket: Socket, port: Port, guest: Guest): Receiver {
    if (this.#gates === undefined) {
      const connection = this.#admit(socket, port, guest);
      socket.on("end", () => connection.onEnd());
      return connection;
    }
    return this.#gates.open(socket, guest.address, (secured) => {
      if (secured === undefined) {
        this.#door.left(guest.address);
        return;
      }
      const { socket: secure, facts } = secured;
      const connection = this.#admit(secure, port, guest, facts);
      secure.on("end", () => connection.onEnd());
      secure.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
    });
  }

  #admit(socket: Socket, port: Port, { address, header }: Guest, tls?: SecureFacts): Connection<P> {
    const origin: ExchangeOrigin = {
      listener: this.name,
      peerIp: address,
      isSecure: tls !== undefined,
      tls,
      localPort: header?.destination.port ?? port.number,
      ends: () => ({
        peerPort: header?.source.port ?? socket.remotePort ?? 0,
        localIp: header?.destination.address ?? plainAddress(socket.localAddress ?? ""),
      }),
      version: -1,
      isPeerTrusted: false,
      forwardedLines: "",
    };
    const connection = new Connection<P>(socket, this, origin);
    this.#connections.add(connection);
    socket.on("drain", () => connection.onDrain());
    socket.on("close", () => connection.onClosed());
    return connection;
  }

  onClosed(connection: Connection<P>): void {
    if (this.#connections.delete(connection)) this.#door.left(connection.origin.peerIp);
  }

  /** Takes over new settings; open connections follow with their next request. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.settings = connectionSettings(settings, snapshot);
    this.#door.update(settings);
    this.bufferBytes = snapshot.limits.bufferBytes;
    const chooser = this.#options.tls.chooserFor(settings, snapshot);
    if (chooser === undefined || this.#gates === undefined) {
      this.#gates?.closeAll();
      this.#gates = this.#gatesFor(settings, snapshot);
      return;
    }
    this.#gates.chooser = chooser;
    this.#gates.timeout = settings.timeouts.head;
  }

  #gatesFor(settings: ListenerSettings, snapshot: Snapshot): TlsGates | undefined {
    const { tls, wheel, onProblem } = this.#options;
    const chooser = tls.chooserFor(settings, snapshot);
    if (chooser === undefined) return undefined;
    const { counts } = this.#door;
    const options = { listener: this.name, wheel, handshakes: tls.handshakes, counts, onProblem };
    return new TlsGates(options, chooser, settings.timeouts.head);
  }

  get counts(): ListenerCounts {
    return this.#door.counts;
  }

  get connectionCount(): number {
    return this.#connections.size + (this.#gates?.waiting.size ?? 0);
  }

  get tunnelCount(): number {
    return this.#connections.count((each) => each.isTunnel);
  }

  /** Connections that carry an exchange now, tunnels apart. */
  get exchangeCount(): number {
    return this.#connections.count((each) => !each.isIdle && !each.isTunnel);
  }

  /**
   * Its ports are closed: running exchanges finish, idle connections are closed. A patient one lets idle
   * connections ask once more: their answer says that it is the last.
   */
  drain({ isPatient = false } = {}): void {
    this.isDraining = true;
    if (isPatient) return;
    this.#door.closeWaiting();
    this.#gates?.closeAll();
    for (const connection of this.#connections.all()) connection.drain();
  }

  /** Closes what is left. */
  cut(which: (connection: CuttableConnection) => boolean): void {
    // Who has not got through a handshake by now has not asked for anything.
    if (which({ isTunnel: false })) this.#gates?.closeAll();
    for (const connection of this.#connections.all()) {
      if (which(connection)) connection.cut();
    }
  }
}

function connectionSettings(settings: ListenerSettings, snapshot: Snapshot): ConnectionSettings {
  const { limits, compat } = snapshot;
  return {
    limits: {
      headBytes: limits.headBytes,
      headerCount: limits.headerCount,
      targetBytes: limits.targetBytes,
      trailerBytes: limits.trailerBytes,
      bareLf: compat.bareLf,
    },
    headTimeout: settings.timeouts.head,
    idleTimeout: settings.timeouts.idle,
  };
}
