// Any program, run to its end within a time limit: what it wrote and how it ended.

import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { within } from "./barrier.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** The launcher, as an operator calls it. */
export const tidegate = resolve(import.meta.dirname, "../../bin/tidegate");

export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("latin1").on("data", (text: string) => (stderr += text));
  // A program may end before it has read its input.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const { promise, resolve: done, reject } = Promise.withResolvers<Ended>();
  child.on("error", reject);
  child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  try {
    return await within(promise, options.timeoutMs ?? 15_000, `the end of ${program}`);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error });
  }
}
