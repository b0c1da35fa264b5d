// What a proxy with http-proxy's API tells its program, and how: an exception of a listener ends the program, as any other
// that nobody catches, but never leaves a connection half read.

import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { factsOf } from "../../http/errors.ts";
import { ProxyError } from "./error.ts";
import type { ProxyTarget, ServerOptions } from "./options.ts";
import type { ProxyRequest } from "./proxy-request.ts";
import type { ProxyResponse } from "./proxy-response.ts";

/** What a target or an error is told with: text as a `URL`. */
export type ShownTarget = Exclude<ProxyTarget, string>;

export interface ProxyEvents {
  /** There will be no answer of a backend; giving one is the listener's business. */
  error: [
    error: Error & { code?: string },
    request: IncomingMessage,
    response: ServerResponse | Duplex,
    target?: ShownTarget,
  ];
  /** The client left before there was an answer. */
  econnreset: [
    error: Error & { code?: string },
    request: IncomingMessage,
    response: ServerResponse | Duplex,
    target: ShownTarget,
  ];
  start: [request: IncomingMessage, response: ServerResponse, target: ShownTarget];
  /** It can be changed, until the listener returns. */
  proxyReq: [
    proxyReq: ProxyRequest,
    request: IncomingMessage,
    response: ServerResponse,
    options: ServerOptions,
  ];
  proxyReqWs: [
    proxyReq: ProxyRequest,
    request: IncomingMessage,
    socket: Duplex,
    options: ServerOptions,
    head: Buffer,
  ];
  proxyRes: [proxyRes: ProxyResponse, request: IncomingMessage, response: ServerResponse];
  /** All of the answer has come. */
  end: [request: IncomingMessage, response: ServerResponse, proxyRes: ProxyResponse];
  /** The backend's end of a WebSocket. */
  open: [proxySocket: Duplex];
  close: [proxyRes: ProxyResponse, proxySocket: Duplex, proxyHead: Buffer];
}

export type ErrorCallback = (...told: ProxyEvents["error"]) => void;

export class ProxyEmitter extends EventEmitter<ProxyEvents> {}

/** False: it threw. What it was to look at or to change must not go on then, in a program that lives on. */
export function guarded(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
    return false;
  }
}

/**
 * An error without anybody who is told ends the program, as that of any `EventEmitter`; but what a client brings about by
 * itself does not, and is answered here.
 */
export function tellError(
  emitter: ProxyEmitter,
  callback: ErrorCallback | undefined,
  ...told: ProxyEvents["error"]
): void {
  const [error, , response] = told;
  if (callback !== undefined) {
    guarded(() => callback(...told));
    return;
  }
  const facts = error instanceof ProxyError ? factsOf(error.failure) : undefined;
  if (facts?.side !== "client" || emitter.listenerCount("error") > 0) {
    guarded(() => emitter.emit("error", ...told));
  } else if ("writeHead" in response && !response.headersSent) {
    response.writeHead(facts.status).end();
  } else {
    response.destroy();
  }
}
