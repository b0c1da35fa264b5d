// One request through http-proxy-3 and through our proxy of the same API: what the backend and the client saw of it, and which
// events there were, side by side.

import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createProxyServer as createTheirs } from "http-proxy-3";
import {
  createProxyServer as createOurs,
  type ProxyServer,
  type ServerOptions,
} from "../../src/library/http-proxy.ts";
import { connect } from "./client.ts";

export interface Served extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

export async function serve(listener?: RequestListener): Promise<Served> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? (bound satisfies AddressInfo).port : 0;
  return {
    server,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

/** Lines in the order of the alphabet; what is about one connection, or the time, is left out. */
type Heads = readonly string[];

export interface Outcome {
  /** Requests that backends got. */
  readonly seen: readonly { readonly line: string; readonly head: Heads; readonly body: string }[];
  /** undefined = the connection ended without an answer. */
  readonly got: { readonly line: string; readonly head: Heads; readonly body: string } | undefined;
  readonly events: readonly string[];
}

export interface Ports {
  readonly back: number;
  /** A second backend. */
  readonly other: number;
  /** Nobody listens there. */
  readonly nobody: number;
}

export interface Trial {
  readonly options?: (ports: Ports) => ServerOptions;
  /** Of the call. */
  readonly call?: (ports: Ports) => ServerOptions;
  /** As it is sent. */
  readonly request: string | ((front: number) => string);
  /** Of the request's answer. */
  readonly method?: string;
  readonly backend?: RequestListener;
  /** Adds listeners. */
  readonly arrange?: (proxy: ProxyServer, note: (event: string) => void) => void;
  /** Before the proxy gets it. */
  readonly before?: (request: IncomingMessage) => void | Promise<void>;
  /** How many requests backends get, by default 1. */
  readonly requests?: number;
}

const perHop = /^(connection|keep-alive|date|proxy-connection):/i;

function heads(raw: readonly string[]): Heads {
  const lines: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  return lines.filter((each) => !perHop.test(each)).toSorted();
}

/** A proxy of theirs takes the same options and tells the same events, or that is what is being tried. */
function theirs(options: ServerOptions): ProxyServer {
  return createTheirs({ ...options } as never) as never;
}

export async function tryBoth(trial: Trial): Promise<{ theirs: Outcome; ours: Outcome }> {
  return { theirs: await outcomeOf(trial, theirs), ours: await outcomeOf(trial, createOurs) };
}

async function outcomeOf(
  trial: Trial,
  create: (options: ServerOptions) => ProxyServer,
): Promise<Outcome> {
  const seen: { line: string; head: Heads; body: string }[] = [];
  const events: string[] = [];
  const whole = Promise.withResolvers<void>();
  const listener: RequestListener = (request, response) => {
    void textOf(request).then((body) => {
      seen.push({
        line: `${request.method} ${request.url}`,
        head: heads(request.rawHeaders),
        body,
      });
      if (seen.length === (trial.requests ?? 1)) whole.resolve();
      if (trial.backend === undefined) response.end("backend");
      else trial.backend(request, response);
    });
  };
  await using back = await serve(listener);
  await using other = await serve(listener);
  // One that was just freed may be somebody else's by now.
  const ports = { back: back.port, other: other.port, nobody: 1 };
  const usual = { target: `http://127.0.0.1:${ports.back}` };
  const proxy = create(trial.options?.(ports) ?? usual);
  trial.arrange?.(proxy, (event) => events.push(event));
  await using front = await serve((request, response) => {
    void (async () => {
      await trial.before?.(request);
      const options = trial.call?.(ports);
      if (options === undefined) proxy.web(request, response);
      else proxy.web(request, response, options);
    })();
  });
  await using client = await connect(front.port);
  const text = typeof trial.request === "string" ? trial.request : trial.request(front.port);
  await client.send(text);
  let got: Outcome["got"];
  try {
    const { startLine, headers, body } = await client.readResponse(
      trial.method === undefined ? {} : { method: trial.method },
    );
    got = { line: startLine, head: heads(headers.flat()), body };
  } catch {
    got = undefined;
  }
  if (trial.requests !== 0) await whole.promise;
  proxy.close();
  const name = (text: string) =>
    text
      .replaceAll(`:${ports.back}`, ":BACK")
      .replaceAll(`:${ports.other}`, ":OTHER")
      .replaceAll(`:${front.port}`, ":FRONT")
      .replace(/^x-forwarded-port: \d+$/i, "x-forwarded-port: N");
  const named = (each: { line: string; head: Heads; body: string }) => ({
    line: name(each.line),
    head: each.head.map(name),
    body: name(each.body),
  });
  return {
    seen: seen.map(named).toSorted((one, two) => one.line.localeCompare(two.line)),
    got: got === undefined ? undefined : named(got),
    events: events.map(name),
  };
}
