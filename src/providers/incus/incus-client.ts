// Asks the daemon of Incus or LXD on its unix socket: plain HTTP with JSON, and a WebSocket for events. Every
// answer is bounded in time and size, and every failure is a sentence with what to do.

import { request } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { discovery, platformEvents } from "../../config/provider-limits.ts";
import { isRecord, textAt } from "../../lib/json.ts";

export interface IncusClientOptions {
  readonly kind: "incus" | "lxd";
  readonly socket: string;
}

export interface IncusRequest {
  readonly method?: "GET" | "PUT";
  readonly body?: unknown;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** The daemon answered, and said no. */
export class IncusRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class IncusClient {
  readonly #socket: string;
  readonly #kind: "incus" | "lxd";
  readonly #product: string;

  constructor({ kind, socket }: IncusClientOptions) {
    this.#kind = kind;
    this.#socket = socket;
    this.#product = kind === "incus" ? "Incus" : "LXD";
  }

  /** The `metadata` of the answer; `path` begins with `/1.0`. */
  async ask(path: string, signal: AbortSignal, options: IncusRequest = {}): Promise<unknown> {
    const { timeout = discovery.answerTimeout } = options;
    const late = AbortSignal.timeout(timeout);
    let answer: Answer;
    try {
      answer = await this.#exchange(path, AbortSignal.any([signal, late]), options);
    } catch (error) {
      if (signal.aborted) throw error;
      throw this.#failure(late.aborted ? `no answer within ${timeout / 1000} s` : error);
    }
    const parsed = parse(answer.text);
    if (parsed === undefined) throw this.#failure("its answer is no JSON: is it another program?");
    if (answer.status >= 400) {
      const said = textAt(parsed, "error") || `status ${answer.status}`;
      throw new IncusRefusal(answer.status, this.#sentence(said.slice(0, 500)));
    }
    return parsed["metadata"];
  }

  /** Calls `opened` once it listens, and `told` with each event. Rejects when the stream has ended. */
  events(
    path: string,
    { opened, told }: { opened(): void; told(text: string): void },
    signal: AbortSignal,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = new WebSocket(`ws://localhost${path}`, {
      createConnection: () => connect(this.#socket),
      handshakeTimeout: discovery.answerTimeout,
      maxPayload: platformEvents.eventBytes,
      perMessageDeflate: false,
    });
    let isAlive = true;
    // A daemon that was stopped in its tracks closes nothing.
    const ping = setInterval(() => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, platformEvents.pingEvery);
    const leave = () => socket.terminate();
    signal.addEventListener("abort", leave);
    let cause: unknown = "the stream of events ended: was it stopped or restarted?";
    socket.on("open", opened);
    socket.on("pong", () => (isAlive = true));
    socket.on("message", (data) => {
      isAlive = true;
      if (data instanceof Buffer) told(data.toString());
    });
    socket.on("error", (error) => (cause = error));
    socket.on("close", () => {
      clearInterval(ping);
      signal.removeEventListener("abort", leave);
      if (signal.aborted) resolve();
      else reject(this.#failure(cause));
    });
    if (signal.aborted) leave();
    return promise;
  }

  #exchange(path: string, signal: AbortSignal, options: IncusRequest): Promise<Answer> {
    const { method = "GET", body } = options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = { host: "localhost", "content-type": "application/json" };
    const sent = request(
      { socketPath: this.#socket, path, method, headers, signal, agent: false },
      (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on("data", (piece: Buffer) => {
          length += piece.length;
          if (length > discovery.answerBytes) sent.destroy(new Error("its answer is too long"));
          else pieces.push(piece);
        });
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  #failure(error: unknown): Error {
    return new Error(this.#sentence(this.#reasonOf(error)), { cause: error });
  }

  #sentence(reason: string): string {
    return `cannot ask ${this.#product} at ${this.#socket}: ${reason}`;
  }

  #reasonOf(error: unknown): string {
    const code = textAt(error, "code");
    const service = this.#kind === "incus" ? "incus" : "snap.lxd.daemon, or lxd";
    switch (code) {
      case "ENOENT":
        return `there is no such socket; is ${this.#product} installed? Set \`socket\` to where its socket is`;
      case "EACCES":
        return (
          "permission denied; add the user that runs Tidegate to the group " +
          `${this.#kind === "incus" ? "incus-admin" : "lxd"} and restart it`
        );
      case "ECONNREFUSED":
        return `nobody listens there; start the daemon (its service is ${service})`;
      default:
        return error instanceof Error ? error.message : String(error);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // the caller says so
  }
}
