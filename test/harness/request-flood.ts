// Many requests at once, over several connections, and what became of each: for tests of limits.

import { connect, type Response } from "./client.ts";

export interface FloodOptions {
  readonly requests: number;
  readonly connections?: number;
  readonly host?: string;
  readonly path?: string;
  /** Of each request: lines with their CR LF. */
  readonly lines?: (number: number) => string;
  readonly from?: string;
}

/** Answers in no order. All connections are open before the first request is sent. */
export async function flood(port: number, options: FloodOptions): Promise<Response[]> {
  const { requests, connections = 10, host = "a.test", path = "/", lines = () => "" } = options;
  await using stack = new AsyncDisposableStack();
  const where = options.from === undefined ? {} : { from: options.from };
  const clients = await Promise.all(
    Array.from({ length: connections }, async () =>
      stack.use(await connect(port, { ...where, timeoutMs: 30_000 })),
    ),
  );
  const answers = clients.map(async (client, at) => {
    const own = Math.floor(requests / connections) + (at < requests % connections ? 1 : 0);
    const text = Array.from({ length: own }, (_, number) => {
      return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines(number * connections + at)}\r\n`;
    });
    await client.send(text.join(""));
    const got: Response[] = [];
    for (let number = 0; number < own; number++) got.push(await client.readResponse());
    return got;
  });
  return (await Promise.all(answers)).flat();
}

/** How often each status came. */
export function tally(answers: readonly { readonly status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
