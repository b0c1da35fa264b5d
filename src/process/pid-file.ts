// The file with the process id of the main process, for scripts and old service managers. It appears
// whole or not at all, a living program's file is not taken from it, and only our own is removed. We may be
// root in a folder that belongs to somebody else: no link there is followed, for reading or for writing.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";

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
  const next = `${path}.${randomBytes(6).toString("hex")}`;
  // Never what somebody has put there to be overwritten.
  writeFileSync(next, `${pid}\n`, { mode: 0o644, flag: "wx" });
  try {
    // A link is made only where nothing is: of two that start at once, one sees the other.
    linkSync(next, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    takeOver(path, next, pid);
  } finally {
    rmSync(next, { force: true });
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
    throw new PidFileTaken(path, holder);
  }
  renameSync(next, path);
}

function pidIn(path: string): number | undefined {
  try {
    const text = startOf(path).trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined; // gone, a link, or not readable by us: nobody we could name holds it
  }
}

/** More than any number takes. Not the whole: what stands there need not be a PID file, nor have an end. */
function startOf(path: string): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) return "";
    const buffer = Buffer.alloc(32);
    return buffer.toString("latin1", 0, readSync(descriptor, buffer));
  } finally {
    closeSync(descriptor);
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
