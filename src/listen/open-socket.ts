// An open address of either kind: for connections, or for datagrams.

import { DatagramSocket } from "./datagram-socket.ts";
import { type BoundAddress, ListeningSocket } from "./listening-socket.ts";

export type OpenSocket = ListeningSocket | DatagramSocket;

/** Unix sockets count as TCP. */
export type Transport = "tcp" | "udp";

/** Takes what another process handed over. Throws when it is none of ours. */
export function takeSocket(protocol: Transport, handle: unknown, bound: BoundAddress): OpenSocket {
  return protocol === "udp"
    ? DatagramSocket.from(handle, bound)
    : ListeningSocket.from(handle, bound);
}

/** Takes an open descriptor, as systemd hands it over. Throws when it is of neither kind. */
export function openDescriptor(descriptor: number): OpenSocket {
  try {
    return ListeningSocket.fromDescriptor(descriptor);
  } catch (error) {
    try {
      return DatagramSocket.fromDescriptor(descriptor);
    } catch {
      throw error; // what systemd hands over are listening sockets as a rule
    }
  }
}

export function isDatagramSocket(socket: OpenSocket): socket is DatagramSocket {
  return socket instanceof DatagramSocket;
}
