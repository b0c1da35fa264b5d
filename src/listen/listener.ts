// Where clients come in: the sockets of one listener, and the connections accepted on them.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin } from "../http/exchange.ts";
import { plainAddress } from "../lib/ip.ts";
import { Roster } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Receiver } from "./adopt.ts";
import type { Addresses } from "./addresses.ts";
import type {
  ConnectionContext,
  ConnectionSettings,
  ExchangeHandler,
} from "./connection-context.ts";
import { Connection } from "./http1.ts";
import type { Port, PortUser } from "./port.ts";
import { ProxyGates, type NamedHeader } from "./proxy-gate.ts";

export interface ListenerOptions<P> {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** What a unix socket's peer is called where others have an address. */
const unixPeer = "unix:";

export class Listener<P> implements ConnectionContext<P>, PortUser {
  readonly name: string;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  settings: ConnectionSettings;
  isDraining = false;
  readonly #options: ListenerOptions<P>;
  readonly #connections = new Roster<Connection<P>>();
  readonly #gates: ProxyGates;
  #isProxied: boolean;
  bufferBytes: number;
  readonly #tooMany: Warning;
  readonly #failed: Warning;

  constructor(options: ListenerOptions<P>) {
    this.#options = options;
    this.name = options.settings.name;
    this.handler = options.handler;
    this.wheel = options.wheel;
    this.settings = connectionSettings(options.settings, options.snapshot);
    const { settings, wheel, onProblem } = options;
    this.#gates = new ProxyGates(
      { listener: settings.name, wheel, onProblem },
      settings.trustedProxies,
      settings.timeouts.head,
    );
    this.#isProxied = settings.proxyProtocol;
    this.bufferBytes = options.snapshot.limits.bufferBytes;
    const about = { listener: settings.name };
    this.#tooMany = new Warning("too many connections: one was closed", about, onProblem);
    this.#failed = new Warning("a connection could not be accepted", about, onProblem);
  }

  onAcceptFailed(error: Error): void {
    this.#failed.raise({ cause: error.message });
  }

  accept(socket: Socket, port: Port): Receiver | undefined {
    const peerIp = plainAddress(socket.remoteAddress ?? "");
    const { addresses } = this.#options;
    const isWelcome = !this.#isProxied || port.isUnix || this.#gates.isWelcome(peerIp);
    if (!isWelcome || !addresses.enter(peerIp)) {
      if (isWelcome) this.#tooMany.raise({ address: peerIp });
      // Nothing is read and nothing promised: the cheapest way to say no.
      socket.destroy();
      return undefined;
    }
    socket.on("error", ignore);
    const origin = this.#originOf(port, peerIp);
    if (!this.#isProxied) return this.#admit(socket, origin);
    return this.#gates.open(socket, origin.peerIp, (header) => {
      if (header?.kind === "local") return this.#admit(socket, origin);
      addresses.leave(peerIp);
      return header === undefined ? undefined : this.#admitNamed(socket, origin, header);
    });
  }

  /** The peer's address has been counted. */
  #admit(socket: Socket, origin: ExchangeOrigin): Receiver {
    const connection = new Connection<P>(socket, this, origin);
    this.#connections.add(connection);
    socket.on("end", () => connection.onEnd());
    socket.on("drain", () => connection.onDrain());
    socket.on("close", () => connection.onClosed());
    return connection;
  }

  /** From here on the connection comes from, and counts for, the address its PROXY header names. */
  #admitNamed(socket: Socket, origin: ExchangeOrigin, header: NamedHeader): Receiver | undefined {
    const { source, destination } = header;
    if (!this.#options.addresses.enter(source.address)) {
      this.#tooMany.raise({ address: source.address });
      socket.destroy();
      return undefined;
    }
    const named = { ...origin, peerIp: source.address, localPort: destination.port };
    return this.#admit(socket, named);
  }

  #originOf(port: Port, peerIp: string): ExchangeOrigin {
    return {
      listener: this.name,
      // A unix socket's clients have no address; the log says what nginx's does.
      peerIp: peerIp === "" ? unixPeer : peerIp,
      isSecure: false,
      localPort: port.number,
      version: -1,
      isPeerTrusted: false,
      forwardedLines: "",
    };
  }

  onClosed(connection: Connection<P>): void {
    if (!this.#connections.delete(connection)) return;
    const { peerIp } = connection.origin;
    this.#options.addresses.leave(peerIp === unixPeer ? "" : peerIp);
  }

  /** Takes over new settings; open connections follow with their next request. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.settings = connectionSettings(settings, snapshot);
    this.#gates.update(settings.trustedProxies, settings.timeouts.head);
    this.#isProxied = settings.proxyProtocol;
    this.bufferBytes = snapshot.limits.bufferBytes;
  }

  get connectionCount(): number {
    return this.#connections.size;
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
    this.#gates.closeAll();
    for (const connection of this.#connections.all()) connection.drain();
  }

  /** Closes what is left. */
  cut(which: (connection: Connection<P>) => boolean): void {
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

/** A connection's 'close' follows every 'error' and says all that matters. */
function ignore(): void {}
