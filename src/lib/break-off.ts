// Closes a connection so that its peer knows that what came was not all: with a reset where there is one.
// TLS needs none, since its end is a message of its own, and unix sockets have none.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

export function breakOff(socket: Socket): void {
  // Node throws where there is no reset; a unix socket's peer has no address.
  const hasReset = socket.remoteAddress !== undefined && !(socket instanceof TLSSocket);
  if (hasReset) socket.resetAndDestroy();
  else socket.destroy();
}
