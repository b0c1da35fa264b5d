// Where clients of a listener with `protocol: tcp` come in. To whoever runs it, it is like the HTTP listener:
// what it carries counts as tunnels, since nobody knows where one thing ends and the next begins.

import type { Socket } from "node:net";

import type { Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import { plainAddress } from "../lib/ip.ts";
import { Roster } from "../lib/roster.ts";
import { Warning } from "../lib/warning.ts";
import type { Wheel } from "../lib/wheel.ts";
import { StreamConnection } from "../stream/stream-connection.ts";
import type { StreamEndings } from "../stream/end-tls.ts";
import type { StreamContext, StreamOrigin, StreamRecord } from "../stream/stream-context.ts";
import { StreamTable } from "../stream/stream-table.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import type { Destination } from "../upstream/destination.ts";
import type { Receiver } from "./adopt.ts";
import type { Addresses } from "./addresses.ts";
import { Door, type Guest } from "./door.ts";
import type { ListenerCounts } from "./listener-counts.ts";
import type { Port, PortUser } from "./port.ts";

export interface StreamListenerOptions {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  readonly tls: ServerTls;
  /** Asked anew for every stream: what a service leads to changes with a reload. */
  destinationOf(service: string): Destination | undefined;
  /** Called once for each stream, when it is over. */
  onEnd(record: StreamRecord): void;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

export class StreamListener implements StreamContext, PortUser {
  readonly listener: string;
  readonly wheel: Wheel;
  table: StreamTable;
  endings: StreamEndings;
  headTimeout: number;
  bufferBytes: number;
  readonly #options: StreamListenerOptions;
  readonly #connections = new Roster<StreamConnection>();
  readonly #door: Door;
  readonly #badOpening: Warning;
  readonly #refused: Warning;

  constructor(options: StreamListenerOptions) {
    const { settings, snapshot, wheel, onProblem } = options;
    this.#options = options;
    this.listener = settings.name;
    this.wheel = wheel;
    this.table = new StreamTable(settings, snapshot);
    this.endings = endingsOf(options.tls, snapshot);
    this.headTimeout = settings.timeouts.head;
    this.bufferBytes = snapshot.limits.bufferBytes;
    this.#door = new Door(options);
    const about = { listener: settings.name };
    const malformed = "a connection was closed, since its first bytes are malformed";
    this.#badOpening = new Warning(malformed, about, onProblem);
    this.#refused = new Warning("a TLS client was refused", about, onProblem);
  }

  get name(): string {
    return this.listener;
  }

  onAcceptFailed(error: Error): void {
    this.#door.onAcceptFailed(error);
  }

  accept(socket: Socket, port: Port): Receiver | undefined {
    return this.#door.enter(socket, port, (guest) => this.#admit(socket, port, guest));
  }

  #admit(socket: Socket, port: Port, guest: Guest): Receiver {
    const connection = new StreamConnection(socket, originOf(socket, port, guest), this);
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
    this.#door.left(connection.origin.source.address);
  }

  onEnd(record: StreamRecord): void {
    this.#options.onEnd(record);
  }

  onBadOpening(client: string, why: string): void {
    this.#badOpening.raise({ client, why });
  }

  onTlsRefused(client: string, why: string): void {
    this.#door.counts.handshakesFailed++;
    this.#refused.raise({ client, code: "TLS_REFUSED", why });
  }

  onProblem(message: string, fields: Readonly<Record<string, string>>): void {
    this.#options.onProblem(message, fields);
  }

  // --- for whoever runs it -------------------------------------------------------------------------

  /** Takes over new settings, for connections that come from now on. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.table = new StreamTable(settings, snapshot);
    this.endings = endingsOf(this.#options.tls, snapshot);
    this.headTimeout = settings.timeouts.head;
    this.bufferBytes = snapshot.limits.bufferBytes;
    this.#door.update(settings);
  }

  get counts(): ListenerCounts {
    return this.#door.counts;
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
    this.#door.closeWaiting();
    for (const connection of this.#connections.all()) connection.drain();
  }

  /** Closes what is left. */
  cut(which: (connection: StreamConnection) => boolean): void {
    for (const connection of this.#connections.all()) {
      if (which(connection)) connection.cut();
    }
  }
}

function endingsOf(tls: ServerTls, snapshot: Snapshot): StreamEndings {
  return { handshakes: tls.handshakes, chooser: tls.streamChooser(snapshot) };
}

function originOf(socket: Socket, port: Port, { address, header }: Guest): StreamOrigin {
  if (header !== undefined) return { source: header.source, destination: header.destination };
  return {
    source: { address, port: socket.remotePort ?? 0 },
    // A system call, and only for backends that want a PROXY header.
    get destination() {
      return { address: plainAddress(socket.localAddress ?? ""), port: port.number };
    },
  };
}
