// An HTTP origin that a test kills and revives on its port, and whose answers it decides while it runs.
// Without anything decided it answers with JSON, as echo-origin.ts does; every answer names it in X-Origin.
// Requests for /health are checks: they are counted and answered apart.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { eventually } from "./barrier.ts";
import { freePort } from "./free-port.ts";

export interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export type Answering = (seen: Seen) => Answer | Promise<Answer>;

export class LiveOrigin implements AsyncDisposable {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Requests that arrived whole, checks not included; a test may empty it. */
  readonly requests: Seen[] = [];
  checks = 0;
  /** Connections accepted so far. */
  connections = 0;
  answer: Answering = () => ({});
  health: Answering = () => ({ body: "ok" });
  #server: Server | undefined;

  private constructor(name: string, host: string, port: number) {
    this.name = name;
    this.host = host;
    this.port = port;
  }

  static async start(name: string, host?: string): Promise<LiveOrigin> {
    const origin = await LiveOrigin.dead(name, host);
    await origin.revive();
    return origin;
  }

  /** One that refuses until it is revived. */
  static async dead(name: string, host = "127.0.0.1"): Promise<LiveOrigin> {
    // Not a port the system gives to clients: it has to be free again when the origin comes back.
    return new LiveOrigin(name, host, await freePort());
  }

  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  get targets(): readonly string[] {
    return this.requests.map(({ target }) => target);
  }

  /** From now on connections are refused; open ones are cut. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async revive(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => void this.#serve(request, response));
    server.keepAliveTimeout = 60_000;
    server.on("connection", () => (this.connections += 1));
    server.listen({ host: this.host, port: this.port });
    await once(server, "listening");
    this.#server = server;
  }

  /** Until so many requests have arrived. */
  async arrived(count: number): Promise<void> {
    const what = `${count} requests at origin ${this.name}`;
    await eventually(what, () => this.requests.length >= count || undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: target = "", headers } = request;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // cut off: it has not arrived
    }
    const body = Buffer.concat(chunks).toString("latin1");
    const seen: Seen = { method, target, headers: headers as Record<string, string>, body };
    const isCheck = target === "/health";
    if (isCheck) this.checks += 1;
    else this.requests.push(seen);
    const answer = await (isCheck ? this.health(seen) : this.answer(seen));
    const fields = { "X-Origin": this.name, "Content-Type": "application/json", ...answer.headers };
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
    response.statusCode = answer.status ?? 200;
    response.end(answer.body ?? JSON.stringify({ origin: this.name, ...seen }));
  }
}

/** A gate for `answer`: who asks for `passed` waits until it is opened. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
