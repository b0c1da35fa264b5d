// One address that datagrams come in on. Only one worker receives there at a time; one that no longer does keeps
// its copy of the socket while sessions need it for their answers. It outlives its listener, as a `Port` does.

import type { AnswerPath } from "../stream/datagram-session.ts";
import type { DatagramReceiver, DatagramSocket } from "./datagram-socket.ts";
import type { BoundAddress } from "./listening-socket.ts";

/** Who gets the datagrams. */
export interface DatagramUser {
  onDatagram(bytes: Buffer, address: string, port: number, path: AnswerPath): void;
  onReceiveFailed(error: Error): void;
  /** Nobody can be answered from there any more. */
  onPortClosed(path: AnswerPath): void;
}

export class DatagramPort implements AnswerPath, DatagramReceiver {
  #user: DatagramUser;
  /** Everybody whose sessions may want to answer. */
  readonly #users = new Set<DatagramUser>();
  #socket: DatagramSocket | undefined;
  #isReceiving = false;
  #isLeaving = false;
  #holds = 0;

  constructor(user: DatagramUser) {
    this.#user = user;
    this.#users.add(user);
  }

  /** May be given to another one at any time; sessions of the one before are still answered. */
  set user(user: DatagramUser) {
    this.#user = user;
    this.#users.add(user);
  }

  get bound(): BoundAddress {
    return this.#socket?.bound ?? { host: "", port: 0 };
  }

  /** Receives on this socket; without one, on none. */
  use(sockets: readonly DatagramSocket[]): void {
    const socket = sockets[0];
    if (socket === undefined) {
      this.#isReceiving = false;
      this.#socket?.stop();
      return;
    }
    if (socket === this.#socket && this.#isReceiving) return;
    // Answers of old sessions can go out through the new one just as well.
    if (socket !== this.#socket) this.#socket?.close();
    this.#socket = socket;
    this.#isReceiving = true;
    socket.receive(this);
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    this.#user.onDatagram(bytes, address, port, this);
  }

  onReceiveFailed(error: Error): void {
    this.#user.onReceiveFailed(error);
  }

  send(bytes: Uint8Array, port: number, address: string): void {
    this.#socket?.send(bytes, port, address);
  }

  hold(): void {
    this.#holds++;
  }

  letGo(): void {
    this.#holds--;
    this.#closeIfOver();
  }

  /** Receives no more, and closes when the last session is over. */
  leave(): void {
    this.#isLeaving = true;
    this.use([]);
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#isLeaving && this.#holds === 0) this.#socket?.close();
  }

  /** The address is somebody else's from now on: an open copy of its socket would be in their way. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    for (const user of this.#users) user.onPortClosed(this);
  }
}
