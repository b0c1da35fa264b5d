// Where clients of a listener with `protocol: tcp` come in. To whoever runs it, it is like the HTTP listener:
// what it carries counts as tunnels, since nobody knows where one thing ends and the next begins.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import { plainAddress } from "../lib/ip.ts";
import { Roster } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
import type { Wheel } from "../lib/wheel.ts";
import { StreamConnection } from "../stream/stream-connection.ts";
import type { StreamContext, StreamOrigin, StreamRecord } from "../stream/stream-context.ts";
import { StreamTable } from "../stream/stream-table.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Receiver } from "./adopt.ts";
import type { Addresses } from "./addresses.ts";
import type { Port, PortUser } from "./port.ts";
import { ProxyGates } from "./proxy-gate.ts";

export interface StreamListenerOptions {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  /** Asked anew for every stream: what a service leads to changes with a reload. */
  destinationOf(service: string): Destination | undefined;
  /** Called once for each stream, when it is over. */
  onEnd(record: StreamRecord): void;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

/** What a unix socket's peer is called where others have an address. */
const unixPeer = "unix:";

export class StreamListener implements StreamContext, PortUser {
  readonly listener: string;
  readonly wheel: Wheel;
  table: StreamTable;
  headTimeout: number;
  bufferBytes: number;
  readonly #options: StreamListenerOptions;
  readonly #connections = new Roster<StreamConnection>();
  readonly #gates: ProxyGates;
  #isProxied: boolean;
  readonly #tooMany: Warning;
  readonly #failed: Warning;
  readonly #badOpening: Warning;

  constructor(options: StreamListenerOptions) {
    const { settings, snapshot, wheel, onProblem } = options;
    this.#options = options;
    this.listener = settings.name;
    this.wheel = wheel;
    this.table = new StreamTable(settings, snapshot);
    this.headTimeout = settings.timeouts.head;
    this.bufferBytes = snapshot.limits.bufferBytes;
    this.#gates = new ProxyGates(
      { listener: settings.name, wheel, onProblem },
      settings.trustedProxies,
      settings.timeouts.head,
    );
    this.#isProxied = settings.proxyProtocol;
    const about = { listener: settings.name };
    this.#tooMany = new Warning("too many connections: one was closed", about, onProblem);
    this.#failed = new Warning("a connection could not be accepted", about, onProblem);
    const malformed = "a connection was closed, since its first bytes are malformed";
    this.#badOpening = new Warning(malformed, about, onProblem);
  }

  get name(): string {
    return this.listener;
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
    const origin = originOf(socket, port, peerIp);
    if (!this.#isProxied) return this.#admit(socket, origin);
    return this.#gates.open(socket, origin.source.address, (header) => {
      if (header?.kind === "local") return this.#admit(socket, origin);
      addresses.leave(peerIp);
      if (header === undefined) return undefined;
      const { source, destination } = header;
      if (addresses.enter(source.address)) return this.#admit(socket, { source, destination });
      this.#tooMany.raise({ address: source.address });
      socket.destroy();
      return undefined;
    });
  }

  /** The client's address has been counted. */
  #admit(socket: Socket, origin: StreamOrigin): Receiver {
    const connection = new StreamConnection(socket, origin, this);
    this.#connections.add(connection);
    connection.start();
    return connection;
  }

  // --- for its connections -------------------------------------------------------------------------

  destinationOf(service: string): Destination | undefined {
    return this.#options.destinationOf(service);
  }

  onClosed(connection: StreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    const { address } = connection.origin.source;
    this.#options.addresses.leave(address === unixPeer ? "" : address);
  }

  onEnd(record: StreamRecord): void {
    this.#options.onEnd(record);
  }

  onBadOpening(client: string, why: string): void {
    this.#badOpening.raise({ client, why });
  }

  onProblem(message: string, fields: Readonly<Record<string, string>>): void {
    this.#options.onProblem(message, fields);
  }

  // --- for whoever runs it -------------------------------------------------------------------------

  /** Takes over new settings, for connections that come from now on. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.table = new StreamTable(settings, snapshot, this.table);
    this.headTimeout = settings.timeouts.head;
    this.bufferBytes = snapshot.limits.bufferBytes;
    this.#gates.update(settings.trustedProxies, settings.timeouts.head);
    this.#isProxied = settings.proxyProtocol;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get tunnelCount(): number {
    return this.#connections.count((each) => each.isTunnel);
  }

  get exchangeCount(): number {
    return 0;
  }

  /**
   * Its ports are closed: what is carried goes on. A patient one also lets those who have just come say where
   * they want to go.
   */
  drain({ isPatient = false } = {}): void {
    if (isPatient) return;
    this.#gates.closeAll();
    for (const connection of this.#connections.all()) connection.drain();
  }

  /** Closes what is left. */
  cut(which: (connection: StreamConnection) => boolean): void {
    for (const connection of this.#connections.all()) {
      if (which(connection)) connection.cut();
    }
  }
}

function originOf(socket: Socket, port: Port, peerIp: string): StreamOrigin {
  return {
    // A unix socket's clients have no address; the log says what nginx's does.
    source: { address: peerIp === "" ? unixPeer : peerIp, port: socket.remotePort ?? 0 },
    // A system call, and only for backends that want a PROXY header.
    get destination() {
      return { address: plainAddress(socket.localAddress ?? ""), port: port.number };
    },
  };
}

/** A connection's 'close' follows every 'error' and says all that matters. */
function ignore(): void {}
