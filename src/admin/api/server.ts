// The admin API at an address. It only listens: what is answered is in app.ts. A client that hangs costs one
// connection of a bounded number, and is cut off after a while.

import { getRequestListener } from "@hono/node-server";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { adminServer as limits } from "../../config/admin-limits.ts";
import type { AdminSettings } from "../../config/admin-settings.ts";
import type { Log } from "../../lib/log.ts";
import { addressKey } from "../accounts-throttle.ts";
import type { Operations } from "../operations.ts";
import { createApi } from "./app.ts";
import { refused } from "./reply.ts";

export interface ApiServerOptions {
  readonly settings: AdminSettings;
  readonly operations: Operations;
  readonly log: Log;
}

export class ApiServer {
  /** The real one, if 0 was asked for. */
  readonly port: number;
  readonly #server: Server;
  readonly #closing: AbortController;

  private constructor(server: Server, port: number, closing: AbortController) {
    this.#server = server;
    this.port = port;
    this.#closing = closing;
  }

  /** Throws what the system says when it cannot listen. */
  static async open({ settings, operations, log }: ApiServerOptions): Promise<ApiServer> {
    const { host, port, tls, hosts, cors } = settings;
    const closing = new AbortController();
    const isTls = tls !== undefined;
    const options = { operations, guard: { hosts, cors }, isTls, log, closing: closing.signal };
    const { fetch } = createApi(options);
    const server = serverFor(fetch, tls);
    server.on("connection", (socket) => socket.on("error", () => {})); // peers leave as they like
    leaveRoom(server);
    // Not shared: of two programs at one address each would get some of the requests.
    server.listen({ host, port });
    await once(server, "listening");
    server.on("error", (error) => log.warn("the admin API could not accept", { error }));
    const bound = server.address();
    const real = typeof bound === "object" && bound !== null ? bound.port : port;
    return new ApiServer(server, real, closing);
  }

  /** Ends streams, and lets short answers finish. */
  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), limits.closeGrace);
    await closed;
    clearTimeout(timer);
  }
}

/** Whoever has one address does not take all connections from the others. */
function leaveRoom(server: Server): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const key = addressKey(socket.remoteAddress ?? "");
    const count = (open.get(key) ?? 0) + 1;
    open.set(key, count);
    socket.once("close", () => {
      const left = (open.get(key) ?? 0) - 1;
      if (left > 0) open.set(key, left);
      else open.delete(key);
    });
    if (count > limits.connectionsPerAddress) socket.destroy();
  });
}

/** What the request says cannot even be made a URL of: a Host with a blank, `GET *`. */
function noRequest(): Response {
  const {
    status,
    body,
    type = "",
  } = refused(400, { detail: "the path or the Host makes no sense" });
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });
}

function serverFor(
  fetch: Parameters<typeof getRequestListener>[0],
  tls: AdminSettings["tls"],
): Server {
  const listener = getRequestListener(fetch, {
    overrideGlobalObjects: false,
    errorHandler: noRequest,
  });
  const answering = new WeakMap<Socket, number>();
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const count = (answering.get(socket) ?? 0) + 1;
    if (count > limits.answersPerConnection) {
      socket.destroy();
      return;
    }
    answering.set(socket, count);
    response.once("close", () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
    void listener(request, response);
  };
  const options = {
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headTimeout,
    requestTimeout: limits.requestTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    keepAliveTimeout: limits.keepAlive,
  };
  const server =
    tls === undefined
      ? createServer(options, answer)
      : createTlsServer(
          {
            ...options,
            cert: tls.certificate,
            key: tls.key,
            minVersion: "TLSv1.2",
            handshakeTimeout: limits.headTimeout,
          },
          answer,
        );
  server.maxConnections = limits.connections;
  server.timeout = limits.silence;
  return server;
}
