// A backend that speaks HTTP/2, made of Node's own implementation: what ours is told apart from. Counts connections and requests.

import { once } from "node:events";
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type OnStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  body: Buffer,
) => void;

export interface Http2BackendOptions extends ServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly port?: number;
  /** HTTP/1.1 is spoken where it is chosen (TLS). */
  readonly onHttp1?: (request: IncomingMessage, response: ServerResponse) => void;
  /** Told before the body has come. */
  readonly onBegin?: OnStream;
}

export interface Http2Backend extends AsyncDisposable {
  readonly port: number;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Connections that there were. */
  readonly connections: number;
  /** Most requests at once on one connection. */
  readonly most: number;
  readonly requests: number;
  /** Codes of streams that the other side has reset. */
  readonly resets: readonly number[];
  /** Ends it gently: GOAWAY on each connection, and no new ones. */
  shutDown(): Promise<void>;
}

/** @param answer told once the whole request has come */
export async function http2Backend(
  answer: OnStream,
  options: Http2BackendOptions = {},
): Promise<Http2Backend> {
  const { tls, port: wanted = 0, onHttp1, onBegin, ...rest } = options;
  const server =
    tls === undefined
      ? createServer(rest)
      : createSecureServer({ ...rest, ...tls, allowHTTP1: onHttp1 !== undefined });
  const sessions = new Set<ServerHttp2Session>();
  const resets: number[] = [];
  const running = new Map<unknown, number>();
  const counts = { connections: 0, most: 0, requests: 0 };
  server.on("session", (session) => {
    counts.connections++;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("sessionError", () => {});
  if (onHttp1 !== undefined) {
    server.on("request", (request, response) => {
      if (request.httpVersionMajor === 1) Reflect.apply(onHttp1, undefined, [request, response]);
    });
  }
  server.on("stream", (stream, headers) => {
    const { session } = stream;
    const now = (running.get(session) ?? 0) + 1;
    counts.requests++;
    counts.most = Math.max(counts.most, now);
    running.set(session, now);
    const parts: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("aborted", () => resets.push(stream.rstCode ?? -1));
    stream.on("close", () => running.set(session, (running.get(session) ?? 1) - 1));
    if (headers.expect !== undefined) stream.additionalHeaders({ ":status": 100 });
    onBegin?.(stream, headers, Buffer.alloc(0));
    if (onBegin !== undefined) return;
    stream.on("data", (bytes: Buffer) => parts.push(bytes));
    stream.on("end", () => answer(stream, headers, Buffer.concat(parts)));
  });
  server.listen(wanted, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const shutDown = async () => {
    const closed = once(server, "close");
    server.close();
    for (const each of sessions) each.close();
    await closed;
  };
  return {
    port,
    sessions,
    resets,
    shutDown,
    get connections() {
      return counts.connections;
    },
    get most() {
      return counts.most;
    },
    get requests() {
      return counts.requests;
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const each of sessions) each.destroy();
      await closed;
    },
  };
}
