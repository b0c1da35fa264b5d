// The processes of a program under test, seen from outside through /proc. They are found by a mark in their
// environment, not by parent: a worker whose parents were killed belongs to init, and shall neither be
// missed by a test nor survive one.

import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { eventually } from "./barrier.ts";

const variable = "TIDEGATE_TEST_MARK";

export interface Mark {
  readonly env: Readonly<Record<string, string>>;
  /** Processes that are alive, in order of their numbers. */
  pids(): number[];
  /** SIGKILL to all, again until none is left. */
  kill(): void;
}

export function mark(): Mark {
  const value = randomUUID();
  const entry = Buffer.from(`${variable}=${value}\0`);
  const pids = () => marked(entry);
  const kill = () => {
    process.off("exit", kill);
    // One that is being killed may just be starting another.
    for (let left = pids(); left.length > 0; left = pids()) {
      for (const pid of left) killQuietly(pid);
    }
  };
  // Also when a test ends its process without an end of its own.
  process.on("exit", kill);
  return { env: { [variable]: value }, pids, kill };
}

function marked(entry: Buffer): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isRunning(pid))
    .filter((pid) => read(`/proc/${pid}/environ`).includes(entry))
    .toSorted((a, b) => a - b);
}

/** Neither gone nor a zombie that nobody has asked about yet. */
export function isRunning(pid: number): boolean {
  return !["", "Z", "X"].includes(stateOf(pid));
}

/** By SIGSTOP. */
export function isStopped(pid: number): boolean {
  return stateOf(pid) === "T";
}

/** All of them, however they end. */
export function allGone(pids: readonly number[], ms = 15_000): Promise<true> {
  const isOver = () => pids.every((pid) => !isRunning(pid)) || undefined;
  return eventually(`the end of ${pids.join()}`, isOver, ms);
}

/** Two signals that count as two: the second one is sent when the first one has arrived. */
export async function signalTwice(pid: number, name: NodeJS.Signals): Promise<void> {
  process.kill(pid, name);
  const isTaken = () => /^ShdPnd:\s+0+$/m.test(read(`/proc/${pid}/status`).toString("latin1"));
  await eventually(`${name} to arrive`, () => isTaken() || undefined);
  process.kill(pid, name);
}

/** What the process calls itself, or the words it was started with. */
export function titleOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).toString("latin1").replaceAll("\0", " ").trim();
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function stateOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`).toString("latin1");
  // The name in parentheses may hold parentheses itself: count from the last one.
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

export function residentBytes(pid: number): number {
  const status = read(`/proc/${pid}/status`).toString("latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/**
 * Connections of clients to this port (of 127.0.0.1) that the process has accepted and not closed; those
 * that wait to be accepted belong to no process.
 */
export function acceptedBy(pid: number, port: number): number {
  const inodes = socketsOf(pid);
  return socketsAt(port).filter(({ state, inode }) => state !== listening && inodes.has(inode))
    .length;
}

/** Connections to this port (of 127.0.0.1) that wait to be accepted. */
export function queuedAt(port: number): number {
  const listeners = socketsAt(port).filter(({ state }) => state === listening);
  return listeners.reduce((sum, { queue }) => sum + queue, 0);
}

const listening = "0A";

function socketsAt(port: number) {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = read("/proc/net/tcp").toString("latin1").split("\n");
  return rows.flatMap((row) => {
    const [, from, , state = "", queues = "", , , , , inode = ""] = row.trim().split(/\s+/);
    // Of a listening socket the second number is the length of its queue.
    return from === local ? [{ state, inode, queue: Number.parseInt(queues.slice(9), 16) }] : [];
  });
}

function socketsOf(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // closed since it was listed
    }
  }
  return inodes;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0); // the process ended meanwhile, or is not ours to read
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone since it was listed, which is what we want
  }
}
