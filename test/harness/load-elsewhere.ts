// A steady load in another network namespace: a container's loopback is reached by nobody outside. The
// same as steady-load.ts, in a process that went in; it is told what to do by lines.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { within } from "./barrier.ts";
import type { LoadReport } from "./steady-load.ts";

export interface LoadElsewhere extends AsyncDisposable {
  /** The origin, as the program in that network sees it; requests name the host `load.test`. */
  readonly url: string;
  begin(port: number): Promise<void>;
  lap(): Promise<void>;
  /** What was counted so far. */
  report(): Promise<LoadReport>;
  stop(): Promise<LoadReport>;
}

export interface Reply {
  readonly url?: string;
  readonly report?: LoadReport;
}

const timeoutMs = 60_000;

/** @param network path of the namespace, such as /proc/PID/ns/net */
export async function startLoadElsewhere(network: string): Promise<LoadElsewhere> {
  const entry = join(import.meta.dirname, "load-elsewhere-process.ts");
  const child = spawn("nsenter", [`--net=${network}`, process.execPath, entry], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exited = once(child, "exit");
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (what: string): Promise<Reply> => {
    const { value, done } = await within(replies.next(), timeoutMs, what);
    if (done === true) throw new Error(`the load ended before it had answered to: ${what}`);
    return JSON.parse(value) as Reply;
  };
  const order = (line: string) => {
    child.stdin.write(`${line}\n`);
    return next(line);
  };
  const reported = async (line: string) => {
    const { report } = await order(line);
    if (report === undefined) throw new Error(`the load answered to ${line} without a report`);
    return report;
  };
  const { url = "" } = await next("start");
  return {
    url,
    begin: async (port) => void (await order(`begin ${port}`)),
    lap: async () => void (await order("lap")),
    report: () => reported("report"),
    stop: () => reported("stop"),
    async [Symbol.asyncDispose]() {
      // It ends with its input.
      child.stdin.end();
      await within(exited, 10_000, "the end of the load").catch(() => child.kill("SIGKILL"));
    },
  };
}
