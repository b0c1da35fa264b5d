// A client made of one socket: it sends the bytes it is told to and reads answers with the tests' own
// strict parser. Nothing is hidden: no retry, no default header, no pooling.

import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { within } from "./barrier.ts";
import { type Message, readMessage, statusOf } from "./message.ts";

export interface ClientOptions {
  readonly host?: string;
  /** Local address to come from; any of 127.0.0.0/8 works on Linux. */
  readonly from?: string;
  /** For every wait of this client. */
  readonly timeoutMs?: number;
}

export interface Response extends Message {
  readonly status: number;
}

export class Client implements AsyncDisposable {
  readonly socket: Socket;
  /** Ends, for whatever reason, when the connection does. */
  readonly closed: Promise<void>;
  #received = "";
  #ended = false;
  #error: Error | undefined;
  #wake = Promise.withResolvers<void>();
  readonly #timeoutMs: number;

  constructor(socket: Socket, timeoutMs: number) {
    this.socket = socket;
    this.#timeoutMs = timeoutMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      this.#changed();
    });
    socket.on("error", (error) => (this.#error = error));
    socket.on("end", () => this.#finish());
    socket.on("close", () => {
      this.#finish();
      resolve();
    });
  }

  /** Bytes that were received and not yet taken by a read. */
  get pending(): string {
    return this.#received;
  }

  /** True when the peer ended or reset the connection. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** The reason of a connection that was reset; undefined for an orderly end. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Resolves when the bytes were handed to the system; false when the connection is gone. */
  send(bytes: string | Uint8Array): Promise<boolean> {
    const { socket } = this;
    if (socket.destroyed || !socket.writable) return Promise.resolve(false);
    const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    return new Promise((resolve) => {
      socket.write(data, (error) => resolve(error === undefined || error === null));
    });
  }

  /** Sends in two segments, cut at `at`. */
  sendSplit(bytes: string, at: number): Promise<boolean> {
    return this.sendParts([bytes.slice(0, at), bytes.slice(at)]);
  }

  /** Sends each part in a segment of its own, as far as the system lets us decide that. */
  async sendParts(parts: readonly string[]): Promise<boolean> {
    for (const part of parts) {
      if (part === "") continue;
      if (!(await this.send(part))) return false;
      await nextTurn();
    }
    return true;
  }

  /** One response, interim (1xx) ones included: call again for the next. */
  async readResponse(options: { readonly method?: string } = {}): Promise<Response> {
    for (;;) {
      const reading = readMessage(this.#received, {
        kind: "response",
        ended: this.#ended && this.#error === undefined,
        ...options,
      });
      if (reading.kind === "bad") throw new Error(`bad response: ${reading.why}; ${this.#seen()}`);
      if (reading.kind === "message") {
        this.#received = this.#received.slice(reading.message.size);
        return { ...reading.message, status: statusOf(reading.message) };
      }
      if (this.#ended) throw new Error(`connection ended before a whole response; ${this.#seen()}`);
      await this.#more("a response");
    }
  }

  /** Exactly these many bytes. */
  async readBytes(count: number): Promise<string> {
    while (this.#received.length < count) {
      if (this.#ended) throw new Error(`connection ended before ${count} bytes; ${this.#seen()}`);
      await this.#more(`${count} bytes`);
    }
    const bytes = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return bytes;
  }

  /** Everything until the peer ends; a reset counts as an end. */
  async readToEnd(): Promise<string> {
    while (!this.#ended) await this.#more("the end of the connection");
    const bytes = this.#received;
    this.#received = "";
    return bytes;
  }

  /** Waits until the peer has ended its side, or reset the connection. */
  async waitClose(): Promise<void> {
    while (!this.#ended) await this.#more("the end of the connection");
  }

  /** Waits until a whole head is there, or the peer has ended. */
  async waitHeadOrClose(): Promise<void> {
    while (!this.#ended && !this.#received.includes("\r\n\r\n")) await this.#more("a head");
  }

  /** Half-closes: says that no more bytes come. */
  end(): void {
    this.socket.end();
  }

  /** Ends with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #finish(): void {
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #more(what: string): Promise<void> {
    await within(this.#wake.promise, this.#timeoutMs, `${what}; ${this.#seen()}`);
  }

  #seen(): string {
    return `received so far: ${JSON.stringify(this.#received.slice(0, 400))}`;
  }
}

export async function connect(port: number, options: ClientOptions = {}): Promise<Client> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const socket = openSocket({
    port,
    host: options.host ?? "127.0.0.1",
    allowHalfOpen: true,
    ...(options.from === undefined ? {} : { localAddress: options.from }),
  });
  const client = new Client(socket, timeoutMs);
  await within(once(socket, "connect"), timeoutMs, `a connection to port ${port}`);
  return client;
}
