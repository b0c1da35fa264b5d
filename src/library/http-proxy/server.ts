// A proxy with http-proxy's API, on Tidegate's connections: for programs that change their import and nothing else.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";
import { type Asked, aimsOf } from "./asked.ts";
import { Backends } from "./backends.ts";
import { type ErrorCallback, ProxyEmitter } from "./events.ts";
import { checkOptions, placeOf, type ServerOptions } from "./options.ts";
import { WebExchange } from "./web-exchange.ts";
import { WsExchange } from "./ws-exchange.ts";

/** Options of this call, which go before those of the proxy, and who is told of its error instead of listeners. */
export type CallArguments =
  | [options?: ServerOptions | undefined, callback?: ErrorCallback | undefined]
  | [callback: ErrorCallback];

export class ProxyServer extends ProxyEmitter {
  readonly options: ServerOptions;
  readonly #backends: Backends;
  #server: Server | undefined;

  /** @throws TypeError when an option cannot be done, or a target is none */
  constructor(options: ServerOptions = {}) {
    super();
    checkOptions(options);
    const { target, forward, pool = {} } = options;
    for (const each of [target, forward]) {
      if (each && typeof each !== "function") placeOf(each);
    }
    this.options = options;
    this.#backends = new Backends(pool);
  }

  /** Carries a request; what goes wrong is an `error`, or the callback's. */
  readonly web = (
    request: IncomingMessage,
    response: ServerResponse,
    ...rest: CallArguments
  ): void => {
    const asked = this.#asked(request, response, rest);
    if (asked !== undefined) new WebExchange(asked, request, response).begin();
  };

  /** Carries a WebSocket, from a server's event `upgrade`. */
  readonly ws = (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    ...rest: CallArguments
  ): void => {
    const asked = this.#asked(request, socket, rest);
    if (asked === undefined) return;
    // There is nobody to send a copy to.
    const aim = asked.target ?? asked.forward;
    if (aim !== undefined) new WsExchange(asked, aim, request, socket, head).begin();
  };

  #asked(
    request: IncomingMessage,
    response: ServerResponse | Duplex,
    [first, second]: CallArguments,
  ): Asked | undefined {
    const callback = typeof first === "function" ? first : second;
    const given = typeof first === "function" ? undefined : first;
    const options = { ...this.options, ...given };
    try {
      if (given?.pool !== undefined) {
        throw new TypeError("options.pool is for the whole proxy: say it when the proxy is made");
      }
      return { emitter: this, options, callback, ...aimsOf(options, request, this.#backends) };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (callback === undefined) this.emit("error", error, request, response);
      else callback(error, request, response);
      return undefined;
    }
  }

  /** Serves by itself, with TLS where there is `ssl`. */
  listen(port: number, hostname?: string): this {
    const { ssl, ws } = this.options;
    this.#server = ssl
      ? createSecureServer({ ...ssl }, (...asked) => this.web(...asked))
      : createServer((...asked) => this.web(...asked));
    if (ws === true) this.#server.on("upgrade", (...asked) => this.ws(...asked));
    this.#server.listen(port, hostname);
    return this;
  }

  /** Of what `listen` opened. */
  address(): ReturnType<Server["address"]> | undefined {
    return this.#server?.address();
  }

  /** Takes nothing more, and closes connections to targets as they become idle. */
  close(callback?: (error?: Error) => void): void {
    this.#backends.close();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) callback?.();
    else server.close(callback);
  }

  /** Refused. @throws TypeError always */
  before(): never {
    throw passesRefused();
  }

  /** Refused. @throws TypeError always */
  after(): never {
    throw passesRefused();
  }
}

function passesRefused(): TypeError {
  const remedy = "use the events start, proxyReq and proxyRes";
  return new TypeError(`passes are not there to be added to: ${remedy}`);
}
