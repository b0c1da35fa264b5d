// Process ids are used again. What we signal without being its parent is named by id and start time, which
// together belong to one process only, until the machine starts anew.

import { readFileSync } from "node:fs";

/**
 * `PID START`; undefined when there is no such process, or only its remains. Linux only: elsewhere nothing is
 * ever found.
 */
export function identityOf(pid: number): string | undefined {
  const fields = fieldsOf(pid);
  const start = fields[19];
  return start === undefined || fields[0] === "Z" ? undefined : `${pid} ${start}`;
}

export function parentOf(pid: number): number | undefined {
  const parent = fieldsOf(pid)[1];
  return parent === undefined ? undefined : Number(parent);
}

/** Of /proc/PID/stat, from the third on: the second is the name, in parentheses, and may hold anything. */
function fieldsOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return []; // ended
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
