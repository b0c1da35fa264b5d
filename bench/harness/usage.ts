// What a process costs, read from /proc: CPU time and resident memory, summed over its threads and all
// its descendants (nginx and our own program work in children of the process that was started).
// Linux only, and synchronous on purpose: it is also used while the harness is exiting.

import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  /** User plus system time since the start, in microseconds; the kernel counts in steps of 10 ms. */
  readonly cpuMicros: number;
  readonly residentKb: number;
  /** The processes counted, sorted; a change between two readings makes their difference worthless. */
  readonly pids: readonly number[];
}

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

// USER_HZ, the unit of /proc/PID/stat: 100 on every Linux architecture that Node runs on.
const microsPerTick = 10_000;

export function usageOf(root: number): Usage {
  const pids = treeOf(root);
  let ticks = 0;
  let residentKb = 0;
  for (const pid of pids) {
    ticks += statOf(pid)?.ticks ?? 0;
    residentKb += residentKbOf(pid);
  }
  return { cpuMicros: ticks * microsPerTick, residentKb, pids };
}

/** The process and all its descendants that are alive, in ascending order. */
export function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [pid]);
    else siblings.push(pid);
  }
  const found = statOf(root) === undefined ? [] : [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found.toSorted((a, b) => a - b);
}

function statOf(pid: number): Stat | undefined {
  const text = readProcFile(pid, "stat");
  // The name in parentheses may hold blanks and parentheses itself: count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent] = fields;
  if (state === undefined || parent === undefined || state === "Z") return undefined;
  return { parent: Number(parent), ticks: Number(fields[11]) + Number(fields[12]) };
}

function residentKbOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(pid, "status"))?.[1] ?? 0);
}

function readProcFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    return ""; // The process ended between the listing and the reading.
  }
}
