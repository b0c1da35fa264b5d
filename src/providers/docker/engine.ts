// A Docker Engine, or Podman's service that speaks like one, asked over its unix socket or TCP. Questions
// only read, apart from starting and stopping. Every answer is bounded in time and size.

import { type IncomingMessage, type RequestOptions, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { isIP } from "node:net";
import { discovery } from "../../config/provider-limits.ts";
import type { DockerSettings } from "../../config/provider-settings.ts";
import { textAt } from "../../lib/json.ts";
import { EngineError, placeOf, refused, unreachable } from "./engine-error.ts";

export interface Answer {
  readonly status: number;
  /** Parsed; undefined when there was none. */
  readonly body: unknown;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  /** ms */
  readonly timeout?: number;
  /** Longest answer. */
  readonly bytes?: number;
}

// What Docker 28 speaks. An older daemon decides; a newer one takes this as long as it takes 28's clients.
const ourVersion = [1, 51] as const;

export class Engine {
  readonly settings: DockerSettings;
  /** Podman answers the same questions a little differently. */
  readonly isPodman: boolean;
  /** When it was first asked, by its own clock: seconds since 1970; undefined = it did not say. */
  readonly openedAt: number | undefined;
  readonly #prefix: string;
  /** Of Podman's own questions. */
  readonly #libpodPrefix: string;

  private constructor(settings: DockerSettings, { headers }: IncomingMessage) {
    this.settings = settings;
    const isLibpod = headers["libpod-api-version"] !== undefined;
    this.isPodman = isLibpod || String(headers["server"] ?? "").startsWith("Libpod/");
    this.#prefix = versionPrefix(headers["api-version"]);
    const libpod = /^\d{1,4}(\.\d{1,4}){2}/.exec(String(headers["libpod-api-version"] ?? ""));
    this.#libpodPrefix = `/v${libpod?.[0] ?? "4.0.0"}/libpod`;
    const date = Date.parse(headers.date ?? "");
    this.openedAt = Number.isNaN(date) ? undefined : Math.floor(date / 1000);
  }

  /** Agrees on a version. Rejects with an EngineError, unless the signal is aborted. */
  static async open(settings: DockerSettings, signal: AbortSignal): Promise<Engine> {
    const { response, text } = await call(settings, "GET", "/_ping", { signal });
    const status = response.statusCode ?? 0;
    if (status !== 200) throw refused(settings, status, saidIn(parsed(text)));
    return new Engine(settings, response);
  }

  /** Rejects with an EngineError, also for an answer that is not JSON. */
  async get(path: string, options: AskOptions): Promise<Answer> {
    return this.#ask("GET", this.#prefix + path, options);
  }

  /** The body of a 200; any other answer is an EngineError. */
  async read(path: string, options: AskOptions): Promise<unknown> {
    const { status, body } = await this.get(path, options);
    if (status !== 200) throw refused(this.settings, status, saidIn(body));
    return body;
  }

  /** What only Podman knows to answer. */
  async readLibpod(path: string, options: AskOptions): Promise<unknown> {
    const { status, body } = await this.#ask("GET", this.#libpodPrefix + path, options);
    if (status !== 200) throw refused(this.settings, status, saidIn(body));
    return body;
  }

  /** Rejects with an EngineError unless it did so, or had nothing to do. */
  async post(path: string, options: AskOptions): Promise<void> {
    const { status, body } = await this.#ask("POST", this.#prefix + path, options);
    if (status >= 300 && status !== 304) throw refused(this.settings, status, saidIn(body));
  }

  /** An answer without end. `opened` is called when it begins; rejects when it ends. */
  stream(
    path: string,
    handlers: { opened(): void; bytes(bytes: Buffer): void },
    signal: AbortSignal,
  ): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    const request = send(this.settings, "GET", this.#prefix + path, signal);
    let failure: unknown;
    const timer = setTimeout(() => {
      failure = slow(this.settings, discovery.answerTimeout);
      request.destroy();
    }, discovery.answerTimeout);
    request.on("response", (response) => {
      clearTimeout(timer);
      response.on("error", (error) => (failure ??= unreachable(this.settings, error)));
      if (response.statusCode !== 200) {
        failure = refused(this.settings, response.statusCode ?? 0, "it gives no events");
        request.destroy();
        return;
      }
      response.on("data", (bytes: Buffer) => handlers.bytes(bytes));
      handlers.opened();
    });
    request.on("error", (error) => (failure ??= unreachable(this.settings, error)));
    request.on("close", () => {
      clearTimeout(timer);
      const ended = `${placeOf(this.settings)} ended its stream of events: it has stopped, or is being restarted`;
      reject(failure ?? new EngineError("unreachable", ended));
    });
    request.end();
    return promise;
  }

  async #ask(method: "GET" | "POST", path: string, options: AskOptions): Promise<Answer> {
    const { response, text } = await call(this.settings, method, path, options);
    const status = response.statusCode ?? 0;
    const body = parsed(text);
    if (body === undefined && status === 200) {
      const message = `${placeOf(this.settings)} answered ${path} with something that is not JSON`;
      throw new EngineError("rubbish", message);
    }
    return { status, body };
  }
}

interface Called {
  readonly response: IncomingMessage;
  readonly text: string;
}

function call(
  settings: DockerSettings,
  method: "GET" | "POST",
  path: string,
  { signal, timeout = discovery.answerTimeout, bytes: most = discovery.answerBytes }: AskOptions,
): Promise<Called> {
  const { promise, resolve, reject } = Promise.withResolvers<Called>();
  const request = send(settings, method, path, signal);
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    request.destroy();
  };
  const timer = setTimeout(() => fail(slow(settings, timeout)), timeout);
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on("data", (bytes: Buffer) => {
      length += bytes.length;
      if (length > most) fail(tooLarge(settings, path, most));
      else chunks.push(bytes);
    });
    response.on("end", () => resolve({ response, text: Buffer.concat(chunks).toString() }));
    response.on("error", (error) => fail(unreachable(settings, error)));
  });
  request.on("error", (error) => fail(unreachable(settings, error)));
  request.on("close", () => {
    clearTimeout(timer);
    // Does nothing once the answer is complete.
    reject(
      failure ?? unreachable(settings, new Error("it ended the connection without an answer")),
    );
  });
  request.end();
  return promise;
}

function send(settings: DockerSettings, method: string, path: string, signal: AbortSignal) {
  const { endpoint } = settings;
  // A connection for each question: they are rare, and none goes stale.
  const common: RequestOptions = { method, path, signal, agent: false };
  if (endpoint.kind === "unix") {
    return plainRequest({ ...common, socketPath: endpoint.path, headers: { Host: "docker" } });
  }
  const { host, port, tls } = endpoint;
  if (tls === undefined) return plainRequest({ ...common, host, port });
  const { ca, certificate: cert, key } = tls;
  const servername = isIP(host) === 0 ? host : "";
  return tlsRequest({ ...common, host, port, servername, ca, cert, key });
}

function slow(settings: DockerSettings, timeout: number): EngineError {
  const message = `${placeOf(settings)} has not answered within ${timeout / 1000} s; it hangs, or has too much to do`;
  return new EngineError("slow", message);
}

function tooLarge(settings: DockerSettings, path: string, bytes: number): EngineError {
  const message = `${placeOf(settings)} answered ${path} with more than ${bytes / 1024 ** 2} MiB`;
  return new EngineError("rubbish", message);
}

/** undefined = not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its callers say so
  }
}

/** Engines explain a refusal as `{"message": "…"}`. */
function saidIn(body: unknown): string {
  return textAt(body, "message").slice(0, 300);
}

/** The lower one of our version and its own; without a word of it none, which every engine takes. */
function versionPrefix(said: string | string[] | undefined): string {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(typeof said === "string" ? said : "");
  if (match === null) return "";
  const [ourMajor, ourMinor] = ourVersion;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  const isOlder = major < ourMajor || (major === ourMajor && minor < ourMinor);
  return isOlder ? `/v${major}.${minor}` : `/v${ourMajor}.${ourMinor}`;
}
