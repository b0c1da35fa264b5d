// Other ways to an engine's socket. One can be cut: what is between two machines breaks off like this, without
// either of them ending. One lets only questions through, as proxies of the socket do.

import { once } from "node:events";
import { createServer as createHttpServer, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tempFolder } from "./temp-folder.ts";

export interface Relay extends AsyncDisposable {
  readonly endpoint: string;
  /** Breaks off all connections that are open now; new ones are accepted. */
  cut(): void;
  /** Connections that were broken off so far. */
  cuts(): number;
}

/** @param endpoint `unix://PATH` */
export async function relayTo(endpoint: string): Promise<Relay> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder("tidegate-relay-"));
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    const engine = connect(endpoint.slice("unix://".length));
    open.add(client);
    client.on("close", () => open.delete(client));
    for (const [one, other] of [[client, engine] as const, [engine, client] as const]) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  const path = folder.file("relay.sock");
  server.listen(path);
  await once(server, "listening");
  const cut = () => {
    count += open.size;
    for (const client of open) client.destroy();
  };
  stack.defer(() => {
    cut();
    server.close();
  });
  const held = stack.move();
  return {
    endpoint: `unix://${path}`,
    cut,
    cuts: () => count,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

export interface Gate extends AsyncDisposable {
  /** `tcp://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** What was asked and not let through, as `METHOD PATH`. */
  readonly refused: readonly string[];
}

const questions =
  /^(\/v[\d.]+)?\/(_ping|info|events|networks|containers\/json|containers\/\w+\/json)(\?|$)/;

/** @param endpoint `unix://PATH` */
export async function questionsOnly(endpoint: string): Promise<Gate> {
  const refused: string[] = [];
  const server = createHttpServer((asked, answer) => {
    const { method = "", url = "", headers } = asked;
    if (method !== "GET" || !questions.test(url)) {
      refused.push(`${method} ${url}`);
      answer.writeHead(403).end("forbidden");
      return;
    }
    const socketPath = endpoint.slice("unix://".length);
    const onward = request({ socketPath, method, path: url, headers, agent: false });
    onward.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    onward.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    endpoint: `tcp://127.0.0.1:${port}`,
    refused,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
