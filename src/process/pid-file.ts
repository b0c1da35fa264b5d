// The file with the process id of the main process, for scripts and old service managers. It appears
// whole or not at all, a living program's file is not taken from it, and only our own is removed.

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

export interface PidFile extends Disposable {
  readonly path: string;
}

export class PidFileTaken extends Error {
  readonly pid: number;

  constructor(path: string, pid: number) {
    super(
      `${path} belongs to the running process ${pid}. Stop that one first, or write another pidFile`,
    );
    this.pid = pid;
  }
}

/** Throws PidFileTaken when another Tidegate that lives is in it, and what the system says otherwise. */
export function writePidFile(path: string, pid = process.pid): PidFile {
  const next = `${path}.${pid}`;
  writeFileSync(next, `${pid}\n`, { mode: 0o644 });
  try {
    // A link is made only where nothing is: of two that start at once, one sees the other.
    linkSync(next, path);
    rmSync(next);
  } catch (error) {
    if (!isCode(error, "EEXIST")) {
      rmSync(next, { force: true });
      throw error;
    }
    takeOver(path, next, pid);
  }
  return {
    path,
    [Symbol.dispose]: () => {
      if (pidIn(path) === pid) rmSync(path, { force: true });
    },
  };
}

function takeOver(path: string, next: string, pid: number): void {
  const holder = pidIn(path);
  if (holder !== undefined && holder !== pid && isTidegate(holder)) {
    rmSync(next);
    throw new PidFileTaken(path, holder);
  }
  renameSync(next, path);
}

function pidIn(path: string): number | undefined {
  try {
    const text = readFileSync(path, "latin1").trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined; // gone, or not readable by us: nobody we could name holds it
  }
}

/** Numbers are used again: whoever has it now counts only when it looks like one of us. */
function isTidegate(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!isCode(error, "EPERM")) return false;
  }
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "latin1");
    const entry = process.argv[1] ?? "";
    return words.includes("tidegate") || (entry !== "" && words.includes(entry));
  } catch {
    return true; // alive and hidden from us: rather refuse than take a file from a running program
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
