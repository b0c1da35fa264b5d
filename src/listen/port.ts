// One address that is listened on. It outlives its listener: when a reload gives the address to another
// one, the open socket changes hands, and no connection waiting to be accepted is lost.

import { rm, stat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";

import type { Address } from "../config/snapshot.ts";
import { adopt, type Receiver } from "./adopt.ts";

/** Who gets the connections. */
export interface PortUser {
  /** Bytes held back for a slow reader. */
  readonly bufferBytes: number;
  /** Returns who gets the connection's bytes; undefined when it was turned away. */
  accept(socket: Socket, port: Port): Receiver | undefined;
  onAcceptFailed(error: Error): void;
}

/** Connections that the kernel holds until they are accepted: a burst must not be refused. */
const backlog = 4096;

export class Port {
  /** May be given to another one at any time. */
  user: PortUser;
  readonly address: Address;
  readonly #server: Server;
  #number = 0;

  private constructor(address: Address, user: PortUser) {
    this.address = address;
    this.user = user;
    // Only used where `adopt` finds nothing to adopt.
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const receiver = this.user.accept(socket, this);
      socket.on("data", (bytes: Buffer) => receiver?.onBytes(bytes, 0, bytes.length));
    });
  }

  /** Throws what the system says when the address cannot be opened. */
  static async open(address: Address, user: PortUser): Promise<Port> {
    const port = new Port(address, user);
    if (address.kind === "unix") await removeStaleSocket(address.path);
    try {
      await listen(port.#server, address);
    } catch (error) {
      // No IPv6 on this machine: "all addresses" then means all of IPv4.
      const isAny = address.kind === "tcp" && address.host === "::";
      if (!isAny || !hasCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) throw error;
      await listen(port.#server, { ...address, host: "0.0.0.0" });
    }
    adopt(
      port.#server,
      () => port.user.bufferBytes,
      (socket) => port.user.accept(socket, port),
    );
    port.#server.on("error", (error) => port.user.onAcceptFailed(error));
    port.#number = port.bound.port;
    return port;
  }

  /** Number of the port, 0 for a unix socket. */
  get number(): number {
    return this.#number;
  }

  get isUnix(): boolean {
    return this.address.kind === "unix";
  }

  /** Where it really listens, with the port the system chose. */
  get bound(): { readonly host: string; readonly port: number } {
    const address = this.#server.address();
    if (address === null) return { host: "", port: 0 };
    if (typeof address === "string") return { host: address, port: 0 };
    return { host: address.address, port: address.port };
  }

  close(): void {
    this.#server.close();
  }
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

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
