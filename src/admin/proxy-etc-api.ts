// The calls by which scripts told proxy-etc its routes: `/api/...`, with a user and a password of the API in Basic
// authentication, and the old replies: 200 also for what went wrong, with `error` in it.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isEnough, type Role } from "../config/account.ts";
import { proxyEtcLimits as limits } from "../config/limits.ts";
import type { Address } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import type { Actor } from "./accounts.ts";
import { identify } from "./api/authentication.ts";
import { isFromPage } from "./docker-proxy-api.ts";
import type { Operations } from "./operations.ts";
import { ProxyEtcRoutes } from "./proxy-etc-routes.ts";

export interface ProxyEtcApiOptions {
  readonly address: Address;
  readonly operations: Operations;
  readonly log: Log;
}

export class ProxyEtcApi {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The real one, if 0 was asked for. */
  get port(): number {
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  /** Throws what the system says when it cannot listen. */
  static async open({ address, operations, log }: ProxyEtcApiOptions): Promise<ProxyEtcApi> {
    if (address.kind !== "tcp") throw new Error("it is served at an address alone");
    const routes = new ProxyEtcRoutes(operations);
    const { timeout, connections } = limits;
    const server = createServer(
      { headersTimeout: timeout, requestTimeout: timeout, keepAlive: false },
      (request, response) => {
        respond(request, response, { operations, routes }).catch((error: unknown) => {
          log.error("a proxy-etc call failed", { error });
          send(response, { status: 500, body: "Error" });
        });
      },
    );
    server.maxConnections = connections;
    // Shared, so that a successor listens before its predecessor has left.
    server.listen({ host: address.host, port: address.port, reusePort: true });
    await once(server, "listening");
    server.on("error", (error) => log.warn("compat.proxyEtcApi could not accept", { error }));
    return new ProxyEtcApi(server);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

interface Parts {
  readonly operations: Operations;
  readonly routes: ProxyEtcRoutes;
}

interface Reply {
  readonly status: number;
  /** A text is sent as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function respond(request: IncomingMessage, response: ServerResponse, parts: Parts) {
  send(response, await replyTo(request, parts));
  // What is not read keeps the connection from its end.
  request.resume();
}

function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  if (response.headersSent) return;
  const isText = typeof body === "string";
  const type = isText ? "text/html; charset=utf-8" : "application/json; charset=utf-8";
  response.writeHead(status, { ...headers, "Content-Type": type, "Cache-Control": "no-store" });
  response.end(isText ? body : JSON.stringify(body));
}

async function replyTo(request: IncomingMessage, { operations, routes }: Parts): Promise<Reply> {
  if (isFromPage(request)) return { status: 403, body: "Forbidden" };
  const method = request.method ?? "";
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  if (method === "GET" && path === "/api/routes/isReachable") {
    return { status: 200, body: "success" };
  }
  const caller = await callerOf(request, operations);
  if (caller.kind === "refused") return caller.reply;
  const { role, actor } = caller;
  if (method === "GET" && path === "/api/routes/allRoutes") {
    const all = await routes.all();
    return { status: 200, body: all.length === 0 ? "" : all };
  }
  const call = method === "POST" ? calls.get(path) : undefined;
  if (call === undefined) return { status: 404, body: "Not Found" };
  if (!isEnough(role, "edit")) return { status: 403, body: "Forbidden" };
  const text = await bodyOf(request);
  if (text === undefined) return { status: 413, body: "Error" };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { status: 400, body: "Error" };
  }
  return { status: 200, body: await call(routes, body, actor) };
}

type Call = (routes: ProxyEtcRoutes, body: unknown, by: Actor) => Promise<unknown>;

const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["/api/routes/save", (routes, body, by) => routes.save(body, by)],
  ["/api/routes/update", (routes, body, by) => routes.update(body, by)],
  ["/api/routes/delete", (routes, body, by) => routes.delete(body, by)],
  ["/api/routes/add", (routes, body, by) => routes.add(body, by)],
  ["/api/routes/updateTarget", (routes, body, by) => routes.updateTarget(body, by)],
  ["/api/routes/deleteTarget", (routes, body, by) => routes.deleteTarget(body, by)],
  ["/api/routes/deleteRouteBySource", (routes, body, by) => routes.deleteBySource(body, by)],
  ["/api/target/updateConfig", (routes, body, by) => routes.updateConfig(body, by)],
]);

type Found =
  | { readonly kind: "caller"; readonly role: Role; readonly actor: Actor }
  | { readonly kind: "refused"; readonly reply: Reply };

async function callerOf(request: IncomingMessage, operations: Operations): Promise<Found> {
  const access = operations.access();
  if (access.kind === "closed") {
    return { kind: "refused", reply: { status: 503, body: access.why } };
  }
  // Nothing else than this: a cookie would come by itself, also when somebody else's page asks.
  const { authorization = "" } = request.headers;
  const headers = new Headers(authorization === "" ? {} : { authorization });
  const from = request.socket.remoteAddress ?? "";
  const found = await identify(access.entry, { headers, from, isTls: false });
  if (found.kind === "caller") {
    const { role, by } = found.caller;
    return { kind: "caller", role, actor: { by, from } };
  }
  const { status } = found.reply;
  const ask = status === 401 ? { "WWW-Authenticate": 'Basic realm="Authorization Required"' } : {};
  const body = status === 401 ? "Unauthorized" : "Too many attempts, or too busy";
  return { kind: "refused", reply: { status, body, headers: { ...found.reply.headers, ...ask } } };
}

/** undefined = it is longer than any route, or did not come whole. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Not destroyed when we stop to read: the answer would not arrive.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!(chunk instanceof Buffer)) continue;
      bytes += chunk.length;
      if (bytes > limits.bodyBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // the client left
  }
  return Buffer.concat(chunks).toString();
}
