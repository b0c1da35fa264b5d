// What `import … from "tidegate/testing"` gives: a middleware in a real proxy, in front of a real backend that says what it
// was asked.

import { once } from "node:events";
import { createServer, type IncomingMessage, request as ask } from "node:http";
import { fileURLToPath } from "node:url";
import { createProxy } from "./create-proxy.ts";

/** What the backend answers. */
export interface BackendAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TrialOptions {
  /** Of the middleware. */
  readonly settings?: unknown;
  /** Runs it in a thread, as `thread: true` in the configuration does. */
  readonly thread?: boolean;
  /** Answers requests that get there; by default 200 with the text `backend`. */
  readonly backend?: (received: Received) => BackendAnswer;
}

/** A request as the backend got it. */
export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** undefined = it never got to the backend. */
  readonly received: Received | undefined;
}

export interface Trial extends AsyncDisposable {
  /** @param url path and query */
  ask(url: string, asked?: Asked): Promise<Answered>;
}

/**
 * Starts a proxy with this middleware on its only route.
 * @param file its path, or its URL: `new URL("hello.ts", import.meta.url)`
 * @throws ConfigError when the file or its settings cannot be used
 */
export async function tryMiddleware(
  file: string | URL,
  { settings, thread = false, backend = () => ({ body: "backend" }) }: TrialOptions = {},
): Promise<Trial> {
  let received: Received | undefined;
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const { method = "", url = "", headers } = request;
      received = { method, url, headers, body };
      const answer = backend(received);
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? "");
    });
  });
  const place = file instanceof URL ? fileURLToPath(file) : file;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const own = { file: place, settings, thread, failures: 0 };
  try {
    const service = `http://127.0.0.1:${port}`;
    const proxy = await createProxy({ routes: { "*": { service, middlewares: [{ own }] } } });
    const front = await proxy.listen("127.0.0.1:0");
    return {
      async ask(url, asked = {}) {
        received = undefined;
        const answer = await answerOf(front.port, url, asked);
        return { ...answer, received };
      },
      async [Symbol.asyncDispose]() {
        await proxy.close();
        server.closeAllConnections();
        server.close();
      },
    };
  } catch (error) {
    server.close();
    throw error;
  }
}

async function answerOf(port: number, path: string, { method = "GET", headers, body }: Asked) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = { host: "127.0.0.1", port, path, method, headers, agent: false };
  const request = ask(options, resolve);
  request.on("error", reject);
  request.end(body);
  const response = await promise;
  const { statusCode = 0 } = response;
  return { status: statusCode, headers: response.headers, body: await textOf(response) };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
