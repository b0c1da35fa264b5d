// Origins: what stands behind the proxy in a test. `origin` is a scripted TCP server that gives every
// connection to the test, byte by byte; `httpOrigin` is Node's own HTTP server for simple answers.

import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer, type ListenOptions, type Socket } from "node:net";
import { within } from "./barrier.ts";
import { type Message, readMessage } from "./message.ts";

export interface OriginOptions {
  readonly timeoutMs?: number;
  /** Called for every connection, at once; without it connections are taken with `accept`. */
  readonly onConnection?: (connection: OriginConnection) => void;
}

export interface Origin extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Connections so far, open or not. */
  readonly connections: readonly OriginConnection[];
  /** The next connection that nobody has taken yet. */
  accept(): Promise<OriginConnection>;
}

export class OriginConnection {
  readonly socket: Socket;
  /** Ends when the connection does, for whatever reason. */
  readonly closed: Promise<void>;
  /** All bytes ever received, as latin1. */
  received = "";
  ended = false;
  onData: (() => void) | undefined;
  #taken = 0;
  #wake = Promise.withResolvers<void>();
  readonly #timeoutMs: number;

  constructor(socket: Socket, timeoutMs: number) {
    this.socket = socket;
    this.#timeoutMs = timeoutMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      this.received += bytes.toString("latin1");
      this.#changed();
      this.onData?.();
    });
    // A proxy that gives up may reset the connection; that is an end like any other.
    socket.on("error", () => this.#finish());
    socket.on("end", () => this.#finish());
    socket.on("close", () => {
      this.#finish();
      resolve();
    });
  }

  /** Bytes that no `expect` or `readRequest` has taken yet. */
  get pending(): string {
    return this.received.slice(this.#taken);
  }

  /** Waits for these bytes, which must be the very next ones, or for a match anywhere in what comes. */
  async expect(wanted: string | RegExp): Promise<string> {
    for (;;) {
      const { pending } = this;
      const found =
        typeof wanted === "string" ? startOf(pending, wanted) : (wanted.exec(pending) ?? undefined);
      if (found !== undefined) {
        this.#taken += found.index + found[0].length;
        return found[0];
      }
      await this.#more(String(wanted));
    }
  }

  /** Waits for one whole request; throws when the bytes are not valid HTTP. */
  async readRequest(): Promise<Message> {
    for (;;) {
      const reading = readMessage(this.pending, { kind: "request" });
      if (reading.kind === "bad") throw new Error(`origin received bad HTTP: ${reading.why}`);
      if (reading.kind === "message") {
        this.#taken += reading.message.size;
        return reading.message;
      }
      await this.#more("a request");
    }
  }

  send(bytes: string | Uint8Array): Promise<boolean> {
    const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    if (this.socket.destroyed || !this.socket.writable) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.socket.write(data, (error) => resolve(error === undefined || error === null));
    });
  }

  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  async waitClose(): Promise<void> {
    while (!this.ended) await this.#more("the end of the connection");
  }

  #finish(): void {
    this.ended = true;
    this.#changed();
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #more(what: string): Promise<void> {
    const seen = `origin has ${JSON.stringify(this.pending.slice(0, 400))}`;
    if (this.ended) throw new Error(`connection to the origin ended before ${what}; ${seen}`);
    await within(this.#wake.promise, this.#timeoutMs, `${what}; ${seen}`);
  }
}

export async function origin(options: OriginOptions = {}): Promise<Origin> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const connections: OriginConnection[] = [];
  let taken = 0;
  let arrival = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = new OriginConnection(socket, timeoutMs);
    connections.push(connection);
    options.onConnection?.(connection);
    arrival.resolve();
    arrival = Promise.withResolvers();
  });
  const port = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections,
    async accept() {
      for (;;) {
        const next = connections[taken];
        if (next !== undefined) {
          taken += 1;
          return next;
        }
        await within(arrival.promise, timeoutMs, "a connection to the origin");
      }
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const { socket } of connections) socket.destroy();
      await Promise.all(connections.map(({ closed }) => closed));
    },
  };
}

export interface HttpOrigin extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly server: Server;
}

/** @param where another address than 127.0.0.1, or the path of a unix socket; the port is then 0 */
export async function httpOrigin(
  handler: RequestListener,
  where?: ListenOptions,
): Promise<HttpOrigin> {
  const server = createHttpServer(handler);
  const port = await listen(server, where);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(
  server: ReturnType<typeof createServer>,
  where: ListenOptions = { host: "127.0.0.1", port: 0 },
): Promise<number> {
  server.listen(where);
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  return typeof address === "string" ? 0 : address.port;
}

function startOf(text: string, wanted: string): RegExpExecArray | undefined {
  if (text.length < wanted.length) return undefined;
  if (!text.startsWith(wanted)) {
    throw new Error(`expected ${JSON.stringify(wanted)}, origin has ${JSON.stringify(text)}`);
  }
  return Object.assign([wanted], { index: 0, input: text }) as unknown as RegExpExecArray;
}
