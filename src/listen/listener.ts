// Where clients come in: the sockets of one listener, and the connections accepted on them.

import { rm, stat } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

import type { Address, Listener as ListenerSettings, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin } from "../http/exchange.ts";
import { plainAddress } from "../lib/ip.ts";
import type { Wheel } from "../lib/wheel.ts";
import { adopt, type Receiver } from "./adopt.ts";
import type { Addresses } from "./addresses.ts";
import type { ConnectionContext, ConnectionSettings, ExchangeHandler } from "./connection-context.ts";
import { Connection } from "./http1.ts";
import { ProxyGates, type NamedHeader } from "./proxy-gate.ts";

export interface ListenerOptions<P> {
  readonly settings: ListenerSettings;
  readonly snapshot: Snapshot;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  readonly addresses: Addresses;
  onProblem(message: string, fields: Readonly<Record<string, string>>): void;
}

const backlog = 4096;

export class Listener<P> implements ConnectionContext<P> {
  readonly name: string;
  readonly handler: ExchangeHandler<P>;
  readonly wheel: Wheel;
  settings: ConnectionSettings;
  isDraining = false;
  readonly #options: ListenerOptions<P>;
  readonly #servers: Server[] = [];
  readonly #connections = new Map<Connection<P>, string>();
  readonly #gates: ProxyGates;
  #isProxied: boolean;
  #bufferBytes: number;

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
    this.#bufferBytes = options.snapshot.limits.bufferBytes;
  }

  /** Opens all addresses; throws, with none of them open, when one cannot be opened. */
  async open(): Promise<void> {
    try {
      for (const address of this.#options.settings.bind) {
        this.#servers.push(await this.#bind(address));
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  async #bind(address: Address): Promise<Server> {
    // Only used where `adopt` finds nothing to adopt.
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const receiver = this.#accept(socket, server);
      socket.on("data", (bytes: Buffer) => receiver?.onBytes(bytes, 0, bytes.length));
    });
    if (address.kind === "unix") await removeStaleSocket(address.path);
    try {
      await listen(server, address);
    } catch (error) {
      // No IPv6 on this machine: "all addresses" then means all of IPv4.
      const isAny = address.kind === "tcp" && address.host === "::";
      if (!isAny || !hasCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) throw error;
      await listen(server, { ...address, host: "0.0.0.0" });
    }
    adopt(
      server,
      () => this.#bufferBytes,
      (socket) => this.#accept(socket, server),
    );
    server.on("error", (error) => {
      this.#options.onProblem("cannot accept", { listener: this.name, cause: error.message });
    });
    return server;
  }

  #accept(socket: Socket, server: Server): Receiver | undefined {
    const peerIp = plainAddress(socket.remoteAddress ?? "");
    const { addresses } = this.#options;
    const isWelcome = !this.#isProxied || isUnix(server) || this.#gates.isWelcome(peerIp);
    if (!isWelcome || !addresses.enter(peerIp)) {
      // Nothing is read and nothing promised: the cheapest way to say no.
      socket.destroy();
      return undefined;
    }
    socket.on("error", ignore);
    const origin = this.#originOf(server, peerIp);
    if (!this.#isProxied) return this.#admit(socket, peerIp, origin);
    return this.#gates.open(socket, origin.peerIp, (header) => {
      if (header?.kind === "local") return this.#admit(socket, peerIp, origin);
      addresses.leave(peerIp);
      return header === undefined ? undefined : this.#admitNamed(socket, origin, header);
    });
  }

  /** @param address what the connection counts for; it has entered */
  #admit(socket: Socket, address: string, origin: ExchangeOrigin): Receiver {
    const connection = new Connection<P>(socket, this, origin);
    this.#connections.set(connection, address);
    socket.on("end", () => connection.onEnd());
    socket.on("drain", () => connection.onDrain());
    socket.on("close", () => connection.onClosed());
    return connection;
  }

  /** From here on the connection comes from, and counts for, the address its PROXY header names. */
  #admitNamed(socket: Socket, origin: ExchangeOrigin, header: NamedHeader): Receiver | undefined {
    const { source, destination } = header;
    if (!this.#options.addresses.enter(source.address)) {
      socket.destroy();
      return undefined;
    }
    const named = { ...origin, peerIp: source.address, localPort: destination.port };
    return this.#admit(socket, source.address, named);
  }

  #originOf(server: Server, peerIp: string): ExchangeOrigin {
    return {
      listener: this.name,
      // A unix socket's clients have no address; the log says what nginx's does.
      peerIp: peerIp === "" ? "unix:" : peerIp,
      isSecure: false,
      localPort: portOf(server),
      version: -1,
      isPeerTrusted: false,
      forwardedLines: "",
    };
  }

  onClosed(connection: Connection<P>): void {
    const address = this.#connections.get(connection);
    if (address === undefined) return;
    this.#connections.delete(connection);
    this.#options.addresses.leave(address);
  }

  /** Takes over new settings; open connections follow with their next request. */
  update(settings: ListenerSettings, snapshot: Snapshot): void {
    this.settings = connectionSettings(settings, snapshot);
    this.#gates.update(settings.trustedProxies, settings.timeouts.head);
    this.#isProxied = settings.proxyProtocol;
    this.#bufferBytes = snapshot.limits.bufferBytes;
  }

  /** What this listener is bound to, with the ports the system chose. */
  get bound(): { host: string; port: number }[] {
    return this.#servers.map((server) => {
      const address = server.address();
      if (address === null) return { host: "", port: 0 };
      return typeof address === "string" ? { host: address, port: 0 } : hostPort(address);
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get tunnelCount(): number {
    return [...this.#connections.keys()].filter((each) => each.isTunnel).length;
  }

  /** Accepts no more. */
  stop(): void {
    for (const server of this.#servers) server.close();
    this.#servers.length = 0;
  }

  /** Accepts no more, lets running exchanges finish and closes idle connections. */
  drain(): void {
    this.isDraining = true;
    this.stop();
    this.#gates.closeAll();
    for (const connection of [...this.#connections.keys()]) connection.drain();
  }

  /** Closes what is left. */
  abort(which: (connection: Connection<P>) => boolean): void {
    for (const connection of [...this.#connections.keys()]) {
      if (which(connection)) connection.abort();
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

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const where =
      address.kind === "tcp"
        ? { host: address.host, port: address.port }
        : { path: address.path, readableAll: true, writableAll: true };
    server.listen({ ...where, backlog }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Removes what a killed process left behind. A socket that somebody listens on is not ours to take. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isSocket()) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect({ path }, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on("error", () => resolve(false));
  });
  if (!isAlive) await rm(path, { force: true });
}

function isUnix(server: Server): boolean {
  return typeof server.address() === "string";
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === "string" ? 0 : address.port;
}

function hostPort(address: AddressInfo): { host: string; port: number } {
  return { host: address.address, port: address.port };
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** A connection's 'close' follows every 'error' and says all that matters. */
function ignore(): void {}
