// The calls by which Docker Proxy's daemon was steered, for scripts that still make them: any method,
// no password, answers at once in the old words. Whoever can connect can stop the service, so it belongs
// on a loopback address; and since a browser on the same machine could be made to connect, requests that
// look like a page's are refused.

import { once } from "node:events";
import { lstatSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { Address } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { bindPrivately, removeIfStill } from "./control-socket.ts";
import type { Operations, Outcome } from "./operations.ts";
import { parseSize } from "./worker-size.ts";

export interface DockerProxyApiOptions {
  readonly address: Address;
  readonly operations: Operations;
  readonly log: Log;
}

const maxConnections = 64;
const requestTimeoutMs = 5000;
/** A refusal usually comes at once; what takes longer is answered as begun, as it always was. */
const outcomeWaitMs = 500;
/** What `/resize` meant without a size. */
const defaultSize = "5";

export class DockerProxyApi {
  /** The real port, if 0 was asked for; 0 for a unix socket. */
  readonly port: number;
  readonly #server: Server;
  readonly #removeSocket: () => void;

  private constructor(server: Server, port: number, removeSocket: () => void) {
    this.#server = server;
    this.port = port;
    this.#removeSocket = removeSocket;
  }

  /** Throws what the system says when it cannot listen. */
  static async open({ address, operations, log }: DockerProxyApiOptions): Promise<DockerProxyApi> {
    const server = createServer(
      { headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs, keepAlive: false },
      (request, response) => void handle(request, response, { operations, log }),
    );
    server.maxConnections = maxConnections;
    let removeSocket = () => {};
    if (address.kind === "unix") removeSocket = await listenPrivately(server, address.path);
    else await listen(server, address);
    server.on("error", (error) => log.warn("compat.dockerProxyApi could not accept", { error }));
    if (address.kind === "tcp" && !isLoopback(address.host)) {
      log.warn("compat.dockerProxyApi: whoever reaches its address can stop the service", address);
    }
    const bound = server.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    return new DockerProxyApi(server, port, removeSocket);
  }

  async close(): Promise<void> {
    this.#removeSocket();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Shared, so that a successor listens before its predecessor has left. */
async function listen(server: Server, { host, port }: { host: string; port: number }) {
  server.listen({ host, port, reusePort: true });
  await once(server, "listening");
}

/** Returns what takes the socket away again, unless a successor has its path. */
async function listenPrivately(server: Server, path: string): Promise<() => void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket())
    throw new Error(`${path} is there, and is no socket`);
  const identity = await bindPrivately(server, { path, replace: true });
  return () => void removeIfStill(path, identity);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

type Parts = Pick<DockerProxyApiOptions, "operations" | "log">;

async function handle(request: IncomingMessage, response: ServerResponse, parts: Parts) {
  request.resume(); // a body means nothing here
  const { status, body } = await answerTo(request, parts);
  const isText = typeof body === "string";
  response.writeHead(status, { "Content-Type": isText ? "text/plain" : "application/json" });
  response.end(isText ? body : JSON.stringify(body));
}

interface Reply {
  readonly status: number;
  readonly body: string | Readonly<Record<string, unknown>>;
}

async function answerTo(request: IncomingMessage, parts: Parts): Promise<Reply> {
  if (isFromPage(request)) {
    return failed(403, "requests of web pages are refused; ask by address, without Origin");
  }
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const [, service, verb] = /^\/service\/([^/]+)\/(start|stop|resize)\/?$/.exec(path) ?? [];
  if (service === undefined) return { status: 200, body: help };
  if (service !== "balancer") return failed(404, `there is no service ${service}, only balancer`);
  const from = request.socket.remoteAddress ?? "";
  const audited = async (what: string, action: Promise<Outcome>) => {
    const outcome = await action;
    const access = parts.operations.access();
    if (outcome.ok && access.kind === "open") {
      access.accounts.note({ by: "compat.dockerProxyApi", from }, what);
    }
    return outcome;
  };
  switch (verb) {
    case "start":
      return begun("spawned", audited("resume", parts.operations.resume()), parts.log);
    case "stop":
      return begun("stopping...", audited("drain", parts.operations.drain()), parts.log);
    default: {
      const size = parseSize(new URLSearchParams(query).get("size") ?? defaultSize);
      if (size.kind === "bad") return failed(400, size.why);
      const resized = parts.operations.resize(size.size);
      return begun("resizing...", audited(`workers ${size.size}`, resized), parts.log);
    }
  }
}

/**
 * Browsers put Origin on what scripts and forms send, and Sec-Fetch-Site on everything, images too. A
 * name in Host that resolves to us is how a page gets around both (DNS rebinding).
 */
export function isFromPage({ headers }: IncomingMessage): boolean {
  if (headers.origin !== undefined) return true;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "none") return true;
  const host = (headers.host ?? "localhost").replace(/:\d+$/, "").toLowerCase();
  return host !== "localhost" && isIP(host.replace(/^\[(.*)\]$/, "$1")) === 0;
}

async function begun(words: string, action: Promise<Outcome>, log: Log): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), outcomeWaitMs);
  });
  const outcome = action.then(
    (result) => {
      if (!result.ok) log.warn("a Docker Proxy call was refused", { why: result.message });
      return result;
    },
    (error: unknown) => {
      log.error("a Docker Proxy call failed", { error });
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    },
  );
  const result = await Promise.race([outcome, late]);
  clearTimeout(timer);
  if (result !== undefined && !result.ok) return failed(409, result.message);
  return { status: 200, body: words };
}

function failed(status: number, message: string): Reply {
  return { status, body: { ok: false, message } };
}

const help = {
  message: "hello from API",
  startBalancer: "/service/balancer/start",
  stopBalancer: "/service/balancer/stop",
  resizeBalancer: "/service/balancer/resize?size=N",
};
