// Where other workers ask for answers to share: HTTP/1.1 on a unix socket that only the program's user may reach.

import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";

import { peerHeadBytes } from "../config/fill-limits.ts";
import type { ConnectionContext, ExchangeHandler } from "../listen/connection-context.ts";
import { Connection } from "../listen/http1.ts";
import type { Wheel } from "../lib/wheel.ts";
import type { Proxy } from "../proxy/handle.ts";
import { PeerOrigin } from "../proxy/peer-request.ts";
import type { Plan } from "../proxy/plan.ts";

const settings = {
  limits: {
    headBytes: peerHeadBytes,
    headerCount: 1000,
    targetBytes: peerHeadBytes,
    trailerBytes: 64 * 1024,
    bareLf: false,
  },
  headTimeout: 10_000,
  idleTimeout: 1000,
};

export class PeerEntrance {
  readonly #proxy: Proxy;
  readonly #wheel: Wheel;
  readonly #server: Server;
  readonly #open = new Set<Connection<Plan>>();

  constructor(proxy: Proxy, wheel: Wheel) {
    this.#proxy = proxy;
    this.#wheel = wheel;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#let(socket));
  }

  /** Rejects when it cannot listen there. */
  async listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(path, resolve);
    await promise;
    this.#server.off("error", reject);
    // One that could not be accepted tries again.
    this.#server.on("error", () => {});
  }

  /** Each carries one exchange, and says of it what the client's connection would. */
  #let(socket: Socket): void {
    const origin = new PeerOrigin();
    const proxy = this.#proxy;
    const handler: ExchangeHandler<Plan> = {
      begin: (exchange) => proxy.beginFromPeer(exchange, origin),
      refuse: (exchange) => exchange.client.abort(),
      end: (exchange) => proxy.endFromPeer(exchange),
    };
    const context: ConnectionContext<Plan> = {
      ...{ settings, handler, wheel: this.#wheel },
      isDraining: true,
      onClosed: () => this.#open.delete(connection),
    };
    const connection = new Connection<Plan>(socket, context, origin);
    this.#open.add(connection);
    socket.on("data", (bytes: Buffer) => connection.onBytes(bytes, 0, bytes.length));
    socket.on("drain", () => connection.onDrain());
    socket.on("end", () => connection.onEnd());
    socket.on("error", () => {});
    socket.on("close", () => connection.onClosed());
  }

  /** Answers on their way to other workers, whose clients wait for them. */
  get connectionCount(): number {
    return this.#open.size;
  }

  close(): void {
    this.#server.close();
  }

  cut(): void {
    for (const connection of [...this.#open]) connection.cut();
  }
}
