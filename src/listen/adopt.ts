// Gives accepted sockets one shared read buffer. Node does that for outgoing connections (`onread`) but has
// no public way for accepted ones, and allocates 64 kB for each read instead: about a twentieth of the
// cost of a small request. So the socket is made from the accepted handle here, with the public option that
// outgoing ones have. A new connection costs the same either way.
// docs/decisions/0004-accept.md has the figures. Hot: bench/connections.ts

import { Socket } from "node:net";

export interface Receiver {
  /** The bytes are only valid during the call. */
  onBytes(buffer: Buffer, start: number, end: number): void;
}

/** Who gets accepted connections. */
export interface Acceptor {
  /** Bytes held back for a slow reader. */
  bufferBytes(): number;
  /** Returns who gets the socket's bytes; undefined when the connection was turned away. */
  accept(socket: Socket): Receiver | undefined;
  /** @param status a negative errno */
  onAcceptFailed(status: number): void;
}

const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Has the connections of a listening handle delivered to the acceptor. Call it before it listens. */
export function adopt(listening: object, acceptor: Acceptor): void {
  // Accepted sockets inherit it, which spares a system call for each.
  setNoDelay(listening);
  Reflect.set(listening, "onconnection", (status: number, accepted: unknown) => {
    if (status !== 0 || accepted === undefined) {
      acceptor.onAcceptFailed(status);
      return;
    }
    let receiver: Receiver | undefined;
    const options = {
      handle: accepted,
      allowHalfOpen: true,
      highWaterMark: acceptor.bufferBytes(),
      onread: {
        buffer: readBuffer,
        callback: (length: number) => {
          receiver?.onBytes(readBuffer, 0, length);
          return true;
        },
      },
    };
    // The types know another kind of handle only.
    const socket: Socket = Reflect.construct(Socket, [options]);
    receiver = acceptor.accept(socket);
  });
}

/** Unix sockets have no such setting. */
function setNoDelay(handle: object): void {
  const set: unknown = Reflect.get(handle, "setNoDelay");
  if (typeof set === "function") Reflect.apply(set, handle, [true]);
}
