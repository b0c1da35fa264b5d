// Where clients come in: the sockets of one listener, and the connections accepted on them.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin, SecureFacts } from "../http/exchange.ts";
import { ErrorCode, nameOfError } from "../http/h2/codes.ts";
import type { SessionSettings } from "../http/h2/session.ts";
import { plainAddress } from "../lib/ip.ts";
import { Roster } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
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
import { type CuttableConnection, Http2Connection } from "./http2.ts";
import type { ListenerCounts } from "./listener-counts.ts";
import type { Port, PortUser } from "./port.ts";
import { PrefaceGates } from "./preface-gate.ts";
import { type Secured, TlsGates } from "./tls-gate.ts";

export interface ListenerOptions<P> {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  readonly tls: ServerTls;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** A connection, as its socket tells it things. */
interface Talker {
  onEnd(): void;
}

export class Listener<P> implements ConnectionContext<P>, PortUser {
  readonly name: string;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  settings: ConnectionSettings;
  isDraining = false;
  readonly #connections = new Roster<Connection<P>>();
  readonly #http2 = new Roster<Http2Connection<P>>();
  readonly #door: Door;
  readonly #options: ListenerOptions<P>;
  /** undefined = what comes is in the clear. */
  #gates: TlsGates | undefined;
  /** Of connections in the clear that may begin with HTTP/2. */
  readonly #prefaces: PrefaceGates;
  #isHttp2: boolean;
  #sessions: SessionSettings;
  readonly #faults: Warning;
  bufferBytes: number;

  constructor(options: ListenerOptions<P>) {
    this.name = options.settings.name;
    this.handler = options.handler;
    this.wheel = options.wheel;
    this.settings = connectionSettings(options.settings, options.snapshot);
    this.#options = options;
    this.#door = new Door(options);
    const { settings, snapshot, wheel, onProblem } = options;
    this.#gates = this.#gatesFor(settings, snapshot);
    this.#isHttp2 = settings.http2;
    this.#sessions = sessionSettings(settings, snapshot);
    this.#prefaces = new PrefaceGates(wheel, settings.timeouts.head);
    const about = { listener: this.name };
    this.#faults = new Warning("a connection with HTTP/2 was ended", about, onProblem);
    this.bufferBytes = snapshot.limits.bufferBytes;
  }

  onAcceptFailed(error: Error): void {
    this.#door.onAcceptFailed(error);
  }

  accept(socket: Socket, port: Port): Receiver | undefined {
    return this.#door.enter(socket, port, (guest) => this.#let(socket, port, guest));
  }

  #let(socket: Socket, port: Port, guest: Guest): Receiver {
    if (this.#gates !== undefined) {
      return this.#gates.open(socket, guest.address, (secured) => {
        if (secured === undefined) this.#door.left(guest.address);
        else this.#letSecure(secured, port, guest);
      });
    }
    const listen = (connection: Talker & Receiver): Receiver => {
      socket.on("end", () => connection.onEnd());
      return connection;
    };
    if (!this.#isHttp2) return listen(this.#admit(socket, port, guest));
    return this.#prefaces.open(socket, (protocol) => {
      if (protocol === "h2") return listen(this.#admitHttp2(socket, port, guest));
      if (protocol !== undefined) return listen(this.#admit(socket, port, guest));
      this.#door.left(guest.address);
      return undefined;
    });
  }

  #letSecure({ socket, facts, isHttp2, isAdequate }: Secured, port: Port, guest: Guest): void {
    const connection = isHttp2
      ? this.#admitHttp2(socket, port, guest, facts)
      : this.#admit(socket, port, guest, facts);
    socket.on("end", () => connection.onEnd());
    socket.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
    // RFC 9113 section 9.2.2: clients that speak it know better ciphers than those.
    if (connection instanceof Http2Connection && !isAdequate) {
      connection.close(ErrorCode.INADEQUATE_SECURITY);
    }
  }

  #admit(socket: Socket, port: Port, guest: Guest, tls?: SecureFacts): Connection<P> {
    const origin = this.#originOf(socket, port, guest, tls);
    const connection = new Connection<P>(socket, this, origin);
    this.#connections.add(connection);
    socket.on("drain", () => connection.onDrain());
    socket.on("close", () => connection.onClosed());
    return connection;
  }

  #admitHttp2(socket: Socket, port: Port, guest: Guest, tls?: SecureFacts): Http2Connection<P> {
    const origin = this.#originOf(socket, port, guest, tls);
    const connection = new Http2Connection<P>(socket, {
      ...{ context: this, origin, settings: this.#sessions, counts: this.counts.http2 },
      onFault: ({ code, flood, why }) =>
        this.#faults.raise({ peer: guest.address, code: nameOfError(code), flood, why }),
      onClosed: (closed) => {
        if (this.#http2.delete(closed)) this.#door.left(guest.address);
      },
    });
    this.#http2.add(connection);
    socket.on("drain", () => connection.onDrain());
    socket.on("close", () => connection.onSocketClosed());
    return connection;
  }

  #originOf(
    socket: Socket,
    port: Port,
    { address, header }: Guest,
    tls: SecureFacts | undefined,
  ): ExchangeOrigin {
    return {
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
  }

  onClosed(connection: Connection<P>): void {
    if (this.#connections.delete(connection)) this.#door.left(connection.origin.peerIp);
  }

  /** Takes over new settings; open connections follow with their next request. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.settings = connectionSettings(settings, snapshot);
    this.#door.update(settings);
    this.bufferBytes = snapshot.limits.bufferBytes;
    this.#isHttp2 = settings.http2;
    this.#sessions = sessionSettings(settings, snapshot);
    this.#prefaces.timeout = settings.timeouts.head;
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
    const waiting = (this.#gates?.waiting.size ?? 0) + this.#prefaces.waiting.size;
    return this.#connections.size + this.#http2.size + waiting;
  }

  /** Connections that are nothing but a tunnel, or several. */
  get tunnelCount(): number {
    const isTunnel = (each: CuttableConnection) => each.isTunnel;
    return this.#connections.count(isTunnel) + this.#http2.count(isTunnel);
  }

  /** Requests that are being answered now, tunnels apart. */
  get exchangeCount(): number {
    let count = this.#connections.count((each) => !each.isIdle && !each.isTunnel);
    for (const each of this.#http2.all()) count += each.exchangeCount;
    return count;
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
    this.#prefaces.closeAll();
    for (const connection of this.#connections.all()) connection.drain();
    for (const connection of this.#http2.all()) connection.drain();
  }

  /** Closes what is left. */
  cut(which: (connection: CuttableConnection) => boolean): void {
    // Who has not got through a handshake by now has not asked for anything.
    if (which({ isTunnel: false })) {
      this.#gates?.closeAll();
      this.#prefaces.closeAll();
    }
    for (const connection of this.#http2.all()) connection.cut(which);
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

/** What a connection with HTTP/2 is granted. */
function sessionSettings(
  { timeouts }: ListenerSettings,
  { limits: { http2, headBytes, headerCount, bufferBytes } }: Snapshot,
): SessionSettings {
  return {
    ...{ maxStreams: http2.streams, windowBytes: http2.window },
    ...{ headBytes, headerCount, bufferBytes },
    headTimeout: timeouts.head,
  };
}
