// Process ids are used again. What we signal without being its parent is named by id and start time, which
// together belong to one process only, until the machine starts anew.

import { readFileSync } from "node:fs";

/** `PID START`; undefined when there is no such process. Linux only: elsewhere nothing is ever found. */
export function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the name, in parentheses, and may hold anything. The start is the 22nd.
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return start === undefined ? undefined : `${pid} ${start}`;
  } catch {
    return undefined; // ended
  }
}

/** Signals the process, if it is still the same one. */
export function signal(identity: string, name: NodeJS.Signals): void {
  const pid = Number(identity.split(" ")[0]);
  if (identityOf(pid) !== identity) return;
  try {
    process.kill(pid, name);
  } catch {
    // Ended in between, or no longer ours to signal: then it is nothing we started.
  }
}
