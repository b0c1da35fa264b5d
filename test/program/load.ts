// Load for a test: keep-alive connections that ask without a pause and look at every answer.

import { connect } from "../harness/client.ts";
import { echoOf } from "../harness/echo-origin.ts";

export interface Load extends AsyncDisposable {
  /** Names of the origins that answered requests begun after this call, at least one per connection. */
  lap(): Promise<ReadonlySet<string>>;
  stop(): Promise<{ readonly answered: number; readonly failed: readonly string[] }>;
}

interface Lap {
  readonly seen: Set<string>;
  missing: number;
  done(): void;
}

export async function startLoad(port: number, connections: number): Promise<Load> {
  const failed: string[] = [];
  let answered = 0;
  const stopping = new AbortController();
  let lap: Lap | undefined;

  const loop = async (number: number) => {
    await using client = await connect(port);
    let counted: Lap | undefined;
    try {
      for (let turn = 0; !stopping.signal.aborted; turn += 1) {
        const begunIn = lap;
        const target = `/${number}/${turn}`;
        await client.send(`GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
        const echo = echoOf(await client.readResponse());
        if (echo.target !== target) failed.push(`${target} answered for ${echo.target}`);
        answered += 1;
        if (begunIn === undefined) continue;
        begunIn.seen.add(echo.origin);
        if (begunIn === counted) continue;
        counted = begunIn;
        begunIn.missing -= 1;
        if (begunIn.missing === 0) begunIn.done();
      }
    } catch (error) {
      failed.push(String(error));
      lap?.done();
    }
  };
  const running = Promise.all(Array.from({ length: connections }, (_, number) => loop(number)));
  const stop = async () => {
    stopping.abort();
    await running;
    return { answered, failed };
  };
  return {
    async lap() {
      const { promise, resolve } = Promise.withResolvers<void>();
      lap = { seen: new Set(), missing: connections, done: resolve };
      await promise;
      if (failed.length > 0) throw new Error(failed.join("\n"));
      return lap.seen;
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
