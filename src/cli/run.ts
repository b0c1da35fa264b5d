// `tidegate run`: serves until it is told to stop.

import { renameSync, writeFileSync } from "node:fs";

import { formatProblem } from "../config/problem.ts";
import { createLogger } from "../lib/log.ts";
import type { DataPlane } from "../process/data-plane.ts";
import { BadConfiguration, Primary } from "../process/primary.ts";
import { welcome } from "./welcome.ts";

export interface RunOptions {
  /** Configuration file; undefined = the embedded defaults. */
  readonly config: string | undefined;
  /** Port of the embedded defaults. */
  readonly port: number;
  /** Where to write, as JSON, the addresses that were opened: for scripts that let the system choose. */
  readonly portsFile: string | undefined;
}

/** Returns the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const log = createLogger({ pretty: process.stderr.isTTY, level: "info" });
  const primary = new Primary({
    config: options.config,
    port: options.port,
    log,
    onLive(plane, isFirst) {
      if (options.portsFile !== undefined) {
        // By a rename: whoever waits for the file must not read half of it.
        writeFileSync(`${options.portsFile}.new`, JSON.stringify(plane.bound));
        renameSync(`${options.portsFile}.new`, options.portsFile);
      }
      if (isFirst) greet(plane, options.config);
    },
  });
  // Node would end, or start its debugger, on these signals if nobody listened.
  process.on("SIGTERM", () => primary.stop());
  process.on("SIGINT", () => primary.stop());
  process.on("SIGHUP", () => primary.reload());
  process.on("SIGUSR1", () => primary.reopenLogs());
  try {
    await primary.run();
    return 0;
  } catch (error) {
    explain(error);
    return 1;
  }
}

function greet(plane: DataPlane, config: string | undefined): void {
  process.stdout.write(welcome(plane.snapshot, plane.bound, config, process.stdout.isTTY));
}

/** What went wrong at the start, and what to do, without a stack. */
function explain(error: unknown): void {
  if (error instanceof BadConfiguration) {
    for (const problem of error.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    process.stderr.write("tidegate: not started, because of the errors above\n");
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`tidegate: not started: ${message}${hintFor(error)}\n`);
}

function hintFor(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  if (error.code === "EADDRINUSE") {
    return "\nSomething else listens there already. Stop it, or choose another port: tidegate run --port 8081";
  }
  if (error.code === "EACCES") {
    return "\nPorts below 1024 need root or CAP_NET_BIND_SERVICE. Choose another port, or grant it.";
  }
  return "";
}
