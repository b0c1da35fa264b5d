// A modest load on the program whose every answer is compared with what it must be, and the origin behind
// it, both in a process of their own: connections that are kept, a steady stream of new ones, and slow
// transfers. It goes on through failures and counts them; the test says which are allowed.
//
//   await using load = await startLoad();            // load.url goes into the configuration
//   await load.begin(program.port());                // resolves when all lanes have had an answer
//   …; await load.lap(); …                           // all lanes have had an answer to a new request
//   assert.deepEqual((await load.stop()).failures, []);

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { within } from "./barrier.ts";
import { inside, type NetHost } from "./namespaces.ts";
import type { Failure } from "./steady-lanes.ts";
import type { Order } from "./steady-load-process.ts";

export interface LoadOptions {
  /** Connections that are kept. */
  readonly kept?: number;
  /** Mean pause of a kept connection between two requests. */
  readonly pauseMs?: number;
  /** Connections with one request each; they do not wait for each other. */
  readonly newPerSecond?: number;
  /** Slow transfers at the same time, up and down in turns. */
  readonly slow?: number;
  /** How long a slow transfer takes. */
  readonly slowMs?: number;
  /** An answer that takes longer is a failure. */
  readonly timeoutMs?: number;
}

export interface LoadReport {
  readonly answered: number;
  /** Connections made. */
  readonly opened: number;
  readonly failed: number;
  /** Slow transfers do not count. */
  readonly slowestMs: number;
  /** The first ones, in full. */
  readonly failures: readonly Failure[];
}

export interface SteadyLoad extends AsyncDisposable {
  /** The origin; requests name the host `load.test`. */
  readonly url: string;
  begin(port: number, options?: LoadOptions): Promise<void>;
  /** Resolves when every kept connection, and some new ones, had an answer to a request sent after this call. */
  lap(): Promise<void>;
  /** What was counted so far. */
  report(): Promise<LoadReport>;
  /** Ends when what runs has ended. */
  stop(): Promise<LoadReport>;
}

const defaults: Required<LoadOptions> = {
  kept: 8,
  pauseMs: 10,
  newPerSecond: 100,
  slow: 2,
  slowMs: 1500,
  timeoutMs: 20_000,
};

/** @param on another host, where it runs and from where it asks */
export async function startLoad(on?: NetHost): Promise<SteadyLoad> {
  const [execPath, ...before] = on === undefined ? [process.execPath] : inside(on);
  const child = fork(join(import.meta.dirname, "steady-load-process.ts"), {
    execPath,
    execArgv: on === undefined ? [] : [...before, process.execPath],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exited = once(child, "exit");
  try {
    const [{ port }] = (await answerOf(child, 15_000)) as [{ port: number }];
    const tell = async (order: Order) => {
      const answer = answerOf(child, 40_000);
      child.send(order);
      return ((await answer) as [{ report: LoadReport }])[0].report;
    };
    return {
      url: `http://127.0.0.1:${port}`,
      begin: async (to, options = {}) =>
        void (await tell({ kind: "begin", port: to, options: { ...defaults, ...options } })),
      lap: async () => void (await tell({ kind: "lap" })),
      report: () => tell({ kind: "report" }),
      stop: () => tell({ kind: "stop" }),
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await exited;
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function answerOf(child: ChildProcess, ms: number): Promise<unknown[]> {
  const ending = new AbortController();
  const { signal } = ending;
  try {
    const gone = once(child, "exit", { signal }).then(() => {
      throw new Error("the process of the load ended");
    });
    return await within(
      Promise.race([once(child, "message", { signal }), gone]),
      ms,
      "the process of the load",
    );
  } finally {
    ending.abort();
  }
}

/** Failures by kind, for a message. */
export function summaryOf({ answered, failed, failures }: LoadReport): string {
  const lines = failures.slice(0, 20).map(({ kind, lane, what }) => `${lane} ${kind}: ${what}`);
  return `${failed} failures beside ${answered} answers\n${lines.join("\n")}`;
}
