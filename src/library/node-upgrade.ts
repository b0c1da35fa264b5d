// An upgrade that Node's own HTTP server was asked for: the connection is ours from here on, and what was read of it
// is read again as one of our own clients'.

import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Connection } from "../listen/http1.ts";
import type { ConnectionContext } from "../listen/connection-context.ts";
import type { DataPlane } from "../process/data-plane.ts";
import type { Plan } from "../proxy/plan.ts";
import { headTextOf, originOf } from "./node-exchange.ts";

export function carryUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  plane: DataPlane,
): Connection<Plan> | undefined {
  if (!(socket instanceof Socket) || socket.destroyed) {
    socket.destroy();
    return undefined;
  }
  const { limits, compat } = plane.snapshot;
  const timeout = plane.snapshot.listeners[0]?.timeouts ?? { head: 60_000, idle: 60_000 };
  const context: ConnectionContext<Plan> = {
    settings: {
      limits: { ...limits, bareLf: compat.bareLf },
      headTimeout: timeout.head,
      idleTimeout: timeout.idle,
    },
    handler: plane.handler,
    wheel: plane.wheel,
    // It is the only request of this connection, upgraded or not.
    isDraining: true,
    onClosed() {},
  };
  const connection = new Connection<Plan>(socket, context, originOf(socket));
  socket.on("drain", () => connection.onDrain());
  socket.on("close", () => connection.onClosed());
  socket.on("error", () => connection.onClosed());
  socket.on("end", () => connection.onEnd());
  const text = Buffer.from(headTextOf(request), "latin1");
  connection.onBytes(text, 0, text.length);
  if (head.length > 0) connection.onBytes(head, 0, head.length);
  socket.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
  return connection;
}
