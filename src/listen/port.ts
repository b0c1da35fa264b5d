// One address that connections come in on, through one socket or several: the kernel deals new connections
// out among the sockets of an address. It outlives its listener: when a reload gives the address to another
// one, the open sockets change hands, and no connection waiting to be accepted is lost.

import type { Socket } from "node:net";

import type { Address } from "../config/snapshot.ts";
import { adopt, type Acceptor, type Receiver } from "./adopt.ts";
import {
  type BoundAddress,
  type ListeningSocket,
  systemError,
  nameOf,
} from "./listening-socket.ts";

/** Who gets the connections. */
export interface PortUser {
  /** Bytes held back for a slow reader. */
  readonly bufferBytes: number;
  /** Returns who gets the connection's bytes; undefined when it was turned away. */
  accept(socket: Socket, port: Port): Receiver | undefined;
  onAcceptFailed(error: Error): void;
}

export class Port implements Acceptor {
  /** May be given to another one at any time. */
  user: PortUser;
  readonly bound: BoundAddress;
  /** Number of the port, 0 for a unix socket. */
  readonly number: number;
  readonly isUnix: boolean;
  readonly #sockets = new Set<ListeningSocket>();

  constructor(address: Address, bound: BoundAddress, user: PortUser) {
    this.user = user;
    this.bound = bound;
    this.number = bound.port;
    this.isUnix = address.kind === "unix";
  }

  /** Accepts on these sockets and no others; those it no longer needs are closed. */
  use(sockets: readonly ListeningSocket[]): void {
    for (const socket of sockets) {
      if (this.#sockets.has(socket)) continue;
      adopt(socket.handle, this);
      this.#sockets.add(socket);
      try {
        socket.listen();
      } catch (error) {
        if (error instanceof Error) this.user.onAcceptFailed(error);
      }
    }
    for (const socket of this.#sockets) {
      if (sockets.includes(socket)) continue;
      socket.close();
      this.#sockets.delete(socket);
    }
  }

  bufferBytes(): number {
    return this.user.bufferBytes;
  }

  accept(socket: Socket): Receiver | undefined {
    return this.user.accept(socket, this);
  }

  onAcceptFailed(status: number): void {
    this.user.onAcceptFailed(systemError(status, "accept", nameOf(this.bound)));
  }

  close(): void {
    this.use([]);
  }
}
