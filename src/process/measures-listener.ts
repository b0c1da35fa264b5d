// `/metrics` at an address of its own, for a Prometheus that cannot log in. It answers that and nothing else. An address
// that is taken is told once and tried again; everything else goes on without.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isFromPage } from "../admin/docker-proxy-api.ts";
import { measureLimits as limits } from "../config/metrics-limits.ts";
import type { MetricsSettings } from "../config/metrics-settings.ts";
import type { Log } from "../lib/log.ts";
import { expositionType } from "../metrics/exposition.ts";

type Address = NonNullable<MetricsSettings["address"]>;

export interface MeasuresListenerOptions {
  readonly log: Log;
  exposition(): Promise<string>;
}

export class MeasuresListener {
  readonly #options: MeasuresListenerOptions;
  #server: Server | undefined;
  #bound: Address | undefined;
  #key = "";
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: MeasuresListenerOptions) {
    this.#options = options;
  }

  /** Where it listens, as in the ports file. */
  get bound(): Readonly<Record<string, readonly Address[]>> {
    return this.#bound === undefined ? {} : { metrics: [this.#bound] };
  }

  /** Goes over to another address; tried once when it returns. */
  async update({ address }: MetricsSettings): Promise<void> {
    const key = address === undefined ? "" : `${address.host} ${address.port}`;
    if (this.#isClosed || key === this.#key) return;
    this.#key = key;
    clearTimeout(this.#retry);
    await this.#end();
    if (address !== undefined) await this.#open(address, key, true);
  }

  async #open(address: Address, key: string, isFirst: boolean): Promise<void> {
    const { log } = this.#options;
    const server = this.#make();
    try {
      server.listen(address);
      await once(server, "listening");
    } catch (error) {
      if (this.#isClosed || key !== this.#key) return;
      const cause = error instanceof Error ? error.message : String(error);
      const remedy = "give metrics.bind another address";
      if (isFirst) log.warn("metrics cannot be served; it is tried again", { cause, remedy });
      const again = () => void this.#open(address, key, false);
      this.#retry = setTimeout(again, limits.retryEvery).unref();
      return;
    }
    if (this.#isClosed || key !== this.#key) {
      server.close();
      return;
    }
    server.on("error", (error) => log.warn("a request for metrics was not accepted", { error }));
    this.#server = server;
    const at = server.address();
    const port = typeof at === "object" && at !== null ? at.port : address.port;
    this.#bound = { host: address.host, port };
    const shown = address.host.includes(":") ? `[${address.host}]` : address.host;
    log.info("metrics are served", { url: `http://${shown}:${port}/metrics` });
  }

  #make(): Server {
    const server = createServer(
      {
        maxHeaderSize: 16 * 1024,
        headersTimeout: limits.headTimeout,
        requestTimeout: limits.headTimeout,
        connectionsCheckingInterval: limits.headTimeout,
      },
      (request, response) => void this.#answer(request, response),
    );
    server.maxConnections = limits.connections;
    // Who asks many times at once and reads nothing would have all the answers wait here.
    server.maxRequestsPerSocket = 1;
    server.timeout = limits.silence;
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, socket } = request;
    // Only who is on this machine may ask, and that is no page in a browser there (DNS rebinding).
    if (isLoopback(socket.localAddress) && isFromPage(request)) {
      const text = "Pages do not get metrics; ask by address, or as localhost.\n";
      response.writeHead(403, { "Content-Type": "text/plain" }).end(text);
      return;
    }
    const path = url?.split("?")[0];
    if (path !== "/metrics") {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics.\n");
      return;
    }
    if (method !== "GET" && method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    try {
      const text = Buffer.from(await this.#options.exposition());
      // Who reads a byte at a time is not silent, and holds all of it.
      const late = setTimeout(() => response.destroy(), limits.silence).unref();
      response.on("close", () => clearTimeout(late));
      const head = { "Content-Type": expositionType, "Content-Length": text.length };
      response.writeHead(200, head).end(method === "HEAD" ? undefined : text);
    } catch (error) {
      this.#options.log.error("metrics could not be written", { error });
      response.writeHead(500).end();
    }
  }

  async #end(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#bound = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), limits.closeGrace);
    await closed;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#end();
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address ?? "");
}
