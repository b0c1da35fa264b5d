// A server that is asked about requests: connections to it are kept, what it may cost is bounded, and no redirect of
// its is followed, since that is for the client.

import { Agent as PlainAgent, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { forwardAuth as limits } from "../config/auth-limits.ts";
import type { AuthQuestion } from "./auth-question.ts";

export interface AuthAnswer {
  readonly status: number;
  /** Names and values by turns. */
  readonly fields: readonly string[];
  /** A character for each byte; "" of a friendly answer. */
  readonly body: string;
}

interface ServerOptions {
  readonly address: string;
  readonly timeout: number;
  readonly maxBody: number;
  readonly ca: string | undefined;
}

export class AuthServer {
  readonly #url: URL;
  readonly #options: ServerOptions;
  readonly #agent: PlainAgent | TlsAgent;
  readonly #isTls: boolean;
  #running = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#url = new URL(options.address);
    this.#isTls = this.#url.protocol === "https:";
    const common = {
      keepAlive: true,
      maxSockets: limits.connections,
      maxFreeSockets: limits.connections,
      timeout: limits.idle,
    };
    const { ca } = options;
    this.#agent = this.#isTls
      ? new TlsAgent({ ...common, ...(ca === undefined ? {} : { ca }) })
      : new PlainAgent(common);
  }

  /** Rejects with an Error that says what is wrong with it. */
  async ask(question: AuthQuestion): Promise<AuthAnswer> {
    if (this.#running >= limits.questions) throw new Error("too many questions wait for it");
    this.#running++;
    const { signal, end } = deadline(this.#options.timeout);
    try {
      return await this.#askOnce(question, signal).catch((error: unknown) => {
        // It closed a connection that had been kept, just as it was used.
        if (!(error instanceof StaleConnection)) throw error;
        return this.#askOnce(question, signal);
      });
    } finally {
      end();
      this.#running--;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #askOnce(question: AuthQuestion, signal: AbortSignal): Promise<AuthAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<AuthAnswer>();
    const { method, fields } = question;
    const options = { method, agent: this.#agent, signal, headers: [...fields], setHost: false };
    const withHost = { ...options, headers: ["Host", this.#url.host, ...fields] };
    const request = this.#isTls
      ? tlsRequest(this.#url, withHost)
      : plainRequest(this.#url, withHost);
    request.on("error", (error) => {
      const isStale = request.reusedSocket && !signal.aborted && "code" in error;
      reject(isStale && error.code === "ECONNRESET" ? new StaleConnection() : error);
    });
    request.on("response", (response) => this.#read(response, resolve, reject));
    request.end();
    return promise;
  }

  #read(
    response: IncomingMessage,
    resolve: (answer: AuthAnswer) => void,
    reject: (error: Error) => void,
  ): void {
    const { statusCode: status = 0, rawHeaders: fields } = response;
    const isFriendly = status >= 200 && status < 300;
    // Nobody reads what a friendly answer says; what is short is taken, so that its connection can be kept.
    const most = isFriendly ? Math.min(64 * 1024, this.#options.maxBody) : this.#options.maxBody;
    const parts: Buffer[] = [];
    let size = 0;
    response.on("data", (bytes: Buffer) => {
      size += bytes.length;
      if (size > most) response.destroy(new Error(`its answer is larger than ${most} bytes`));
      else if (!isFriendly) parts.push(bytes);
    });
    response.on("error", (error) => reject(error));
    if (isFriendly) {
      // It may say more than its head for as long as it likes, but not here.
      const timer = setTimeout(() => response.destroy(), this.#options.timeout);
      response.on("close", () => clearTimeout(timer));
      resolve({ status, fields, body: "" });
      return;
    }
    response.on("end", () => {
      if (response.complete) resolve({ status, fields, body: Buffer.concat(parts).latin1Slice() });
    });
    response.on("close", () => reject(new Error("it broke off its answer")));
  }
}

class StaleConnection extends Error {}

function deadline(ms: number): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const late = new Error(`it has not answered within ${ms / 1000} s`);
  const timer = setTimeout(() => controller.abort(late), ms);
  return { signal: controller.signal, end: () => clearTimeout(timer) };
}
