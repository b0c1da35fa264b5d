// Programs of LXC, run to their end within a time limit. What they write is bounded; whoever starts a daemon
// does not keep us waiting until that closes its output.

import { spawn } from "node:child_process";
import { lxcDiscovery } from "../../config/provider-limits.ts";
import { whole } from "../../lib/whole-child.ts";

export interface Ended {
  /** undefined = it was ended by a signal, for taking too long. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

const mostCharacters = 4096;

// What starts a container hands its environment on, to scripts that its configuration names.
const passed = ["PATH", "HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

function environment(): NodeJS.ProcessEnv {
  const entries = passed.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(entries), LC_ALL: "C" };
}

/** Rejects when it cannot be started: ENOENT where it is not installed. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeout, signal }: RunOptions,
): Promise<Ended> {
  const child = whole(
    program,
    spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: environment(),
      timeout,
      killSignal: "SIGKILL",
      signal,
    }),
  );
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] = `${output[name]}${text}`.slice(0, mostCharacters);
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  let late: NodeJS.Timeout | undefined;
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? undefined));
  child.on("exit", (code) => {
    late = setTimeout(() => resolve(code ?? undefined), lxcDiscovery.lastOutput);
  });
  try {
    const code = await promise;
    return { code, ...output };
  } finally {
    clearTimeout(late);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
