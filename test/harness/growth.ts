// By how much the memory of a process grows while something is done.

import { setTimeout as pause } from "node:timers/promises";
import { residentBytes } from "./processes.ts";

/** Runs the action and returns by how many bytes the process grew at most meanwhile. */
export async function growthDuring(pid: number, action: () => Promise<void>): Promise<number> {
  const warm = residentBytes(pid);
  let highest = warm;
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted) {
      highest = Math.max(highest, residentBytes(pid));
      await pause(50, undefined, { signal: ending.signal }).catch(() => {});
    }
  })();
  try {
    await action();
  } finally {
    ending.abort();
    await watching;
  }
  return highest - warm;
}
