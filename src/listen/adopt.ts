// Gives accepted sockets one shared read buffer. Node does that for outgoing connections (`onread`) but has
// no public way for accepted ones, and allocates 64 kB for each read instead: about a twentieth of the
// cost of a small request. So the socket is made from the accepted handle here, with the public option that
// outgoing ones have. A new connection costs a few microseconds more this way; some ten requests pay that.
// Where the handle is not what we know, nothing happens and the server's 'connection' event does the work.
// docs/decisions/0004-accept.md has the figures. Hot: bench/connections.ts

import { Socket, type Server } from "node:net";

export interface Receiver {
  /** The bytes are only valid during the call. */
  onBytes(buffer: Buffer, start: number, end: number): void;
}

const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Takes over accepting. Call it when the server listens.
 * @param accept returns who gets the socket's bytes; undefined when the connection was turned away
 */
export function adopt(
  server: Server,
  bufferBytes: () => number,
  accept: (socket: Socket) => Receiver | undefined,
): void {
  const handle: unknown = Reflect.get(server, "_handle");
  if (typeof handle !== "object" || handle === null) return;
  if (typeof Reflect.get(handle, "onconnection") !== "function") return;
  Reflect.set(handle, "onconnection", (status: number, accepted: unknown) => {
    if (status !== 0 || accepted === undefined) {
      server.emit("error", new Error(`accept failed with status ${status}`));
      return;
    }
    setNoDelay(accepted);
    let receiver: Receiver | undefined;
    const options = {
      handle: accepted,
      allowHalfOpen: true,
      highWaterMark: bufferBytes(),
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
    receiver = accept(socket);
  });
}

function setNoDelay(handle: unknown): void {
  if (typeof handle !== "object" || handle === null) return;
  const set: unknown = Reflect.get(handle, "setNoDelay");
  if (typeof set === "function") Reflect.apply(set, handle, [true]);
}
