// Starts another process of this program, on the code that is on disk now.

import { fork, type ChildProcess } from "node:child_process";
import { extname } from "node:path";

import { guestLimits } from "../config/guest-limits.ts";
import { mainEnvironment } from "./main-process.ts";
import { type FromPrimary, type FromWorker, protocol, protocolVariable } from "./messages.ts";

const lastWordsMs = 500;

/** TypeScript in a checkout, JavaScript when published: children run what we run. */
const extension = extname(import.meta.filename);

/** @param entry the file it begins with, without its extension */
export function startProcess(
  entry: string,
  { args = [], isMain = false }: { args?: readonly string[]; isMain?: boolean } = {},
): ChildProcess {
  return fork(`${entry}${extension}`, args, {
    // A snapshot of 10,000 routes is one long string: this way it is copied, not escaped and parsed again.
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: {
      // Read before any of our code runs there. What an operator says goes before.
      UV_THREADPOOL_SIZE: String(guestLimits.threads),
      ...process.env,
      ...mainEnvironment(isMain),
      [protocolVariable]: String(protocol),
    },
  });
}

/** The last words of a process. Resolves when they are out, or nobody is there to take them. */
export function tellParent(message: FromPrimary | FromWorker): Promise<void> {
  return new Promise((resolve) => {
    // A parent that does not read must not keep us.
    setTimeout(resolve, lastWordsMs);
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

/**
 * For the first lines of an entry.
 * @returns why this process cannot work with its parent; undefined when it can
 */
export function parentMismatch(): string | undefined {
  const spoken = process.env[protocolVariable];
  if (process.send === undefined || spoken === undefined) {
    return "this file is started by `tidegate run`, not by itself";
  }
  if (spoken === String(protocol)) return undefined;
  return "the running program is of another version; run `tidegate upgrade`, or stop and start it";
}
