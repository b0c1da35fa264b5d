// Many clients that ask for the same at the same time, each on a connection of its own, and an origin that counts them.

import { Agent, type IncomingMessage, request, type RequestListener } from "node:http";
import type { WorkerRow } from "../../src/admin/operations.ts";
import { controlOf } from "./control.ts";
import { httpOrigin } from "./origin.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";

export interface PileAsk {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PileAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** `performance.now()` of its end. */
  readonly endAt: number;
}

export interface Begun {
  /** Once the head is there. */
  readonly head: Promise<IncomingMessage>;
  /** Once the first bytes of the body are there. */
  readonly firstBytes: Promise<string>;
  readonly answer: Promise<PileAnswer>;
  leave(): void;
}

export interface PileStand extends AsyncDisposable {
  readonly program: Tidegate;
  readonly port: number;
  /** Requests that reached the origin, how many of them run, and most of them at once. */
  readonly seen: { count: number; running: number; most: number };
  begin(asked?: PileAsk): Begun;
  ask(asked?: PileAsk): Promise<PileAnswer>;
  /** So many at once; rejects when one gets no whole answer. */
  pile(count: number, asked?: PileAsk): Promise<PileAnswer[]>;
  /** Replaces all workers, one after the other. */
  restart(): Promise<void>;
  /** Workers, once they say that they have so many connections together. */
  carriers(count: number): Promise<readonly WorkerRow[]>;
}

export interface PileOptions {
  readonly workers?: number;
  /** Of the route. */
  readonly middlewares?: Readonly<Record<string, unknown>>;
  readonly service?: Readonly<Record<string, unknown>>;
  readonly answer: RequestListener;
}

export async function startPile(options: PileOptions): Promise<PileStand> {
  await using stack = new AsyncDisposableStack();
  const { workers = 2, middlewares = { cache: true } } = options;
  const seen = { count: 0, running: 0, most: 0 };
  const origin = stack.use(
    await httpOrigin((asked, answer) => {
      seen.count++;
      seen.running++;
      seen.most = Math.max(seen.most, seen.running);
      answer.once("close", () => seen.running--);
      options.answer(asked, answer);
    }),
  );
  const program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: { "app.test": { service: "shop", middlewares } },
        services: { shop: { backends: [origin.url], ...options.service } },
      },
      workers,
    }),
  );
  const control = controlOf(program.control);
  if (workers > 0) await control.settled(workers);
  const port = program.port();
  const agent = stack.adopt(new Agent({ keepAlive: true, maxSockets: Infinity }), (each) =>
    each.destroy(),
  );
  const begun = (asked?: PileAsk) => begin(port, agent, asked);
  const held = stack.move();
  return {
    ...{ program, port, seen, begin: begun },
    ask: (asked) => begun(asked).answer,
    pile: (count, asked) => Promise.all(Array.from({ length: count }, () => begun(asked).answer)),
    restart: async () => {
      const before = await control.workers();
      await control.order("restart");
      await control.settled(workers, before);
    },
    carriers: (count) => {
      const sum = (rows: readonly WorkerRow[]) =>
        rows.reduce((all, { counts }) => all + counts.connections, 0);
      return control.until("workers to count their connections", (rows) => sum(rows) === count);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function begin(port: number, agent: Agent, asked: PileAsk = {}): Begun {
  const { path = "/", method = "GET", headers = {} } = asked;
  const client = request({
    ...{ host: "127.0.0.1", port, agent, path, method },
    headers: { host: "app.test", ...headers },
  });
  const head = Promise.withResolvers<IncomingMessage>();
  const firstBytes = Promise.withResolvers<string>();
  const answer = Promise.withResolvers<PileAnswer>();
  for (const each of [head, firstBytes, answer]) each.promise.catch(() => {});
  const fail = (error: Error) => {
    for (const each of [head, firstBytes, answer]) each.reject(error);
  };
  client.on("error", fail);
  client.on("response", (message) => {
    head.resolve(message);
    let body = "";
    message.setEncoding("latin1");
    message.on("data", (text: string) => {
      body += text;
      firstBytes.resolve(text);
    });
    message.on("error", fail);
    message.on("end", () => {
      const { statusCode: status = 0, headers: fields } = message;
      answer.resolve({ status, headers: fields, body, endAt: performance.now() });
    });
  });
  client.end();
  return {
    head: head.promise,
    firstBytes: firstBytes.promise,
    answer: answer.promise,
    leave: () => client.destroy(),
  };
}

/** An answer that goes on for as long as the test likes. */
export function gated(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** Resolves with how many of them were answered whole. */
export async function wholeOnes(all: readonly Begun[]): Promise<PileAnswer[]> {
  const settled = await Promise.allSettled(all.map(({ answer }) => answer));
  return settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}
