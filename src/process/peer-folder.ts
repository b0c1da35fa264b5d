// The folder where the workers of one primary reach each other: new for each, beside the control socket. Nobody but the
// program's user may enter it: what is said there is believed.

import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { longestSocketPath } from "../config/peer-limits.ts";
import type { Log } from "../lib/log.ts";
import { placesIn } from "../peers/live-peers.ts";

const prefix = "peers-";
/** Among files of others. */
const elsewhere = `tidegate-${prefix}`;
/** As `mkdtemp` puts it behind the name. */
const suffixLength = 6;
/** Of a worker that is replaced every second for a year. */
const highestNumber = 99_999_999;

export class PeerFolder {
  readonly #log: Log;
  #path: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Once we are who the workers will be. undefined = there is none to be had, which has been told. */
  make(controlPath: string): string | undefined {
    const beside = dirname(controlPath);
    try {
      sweep(beside, prefix);
      const name = `${prefix}${process.pid}-`;
      const longest = placesIn(join(beside, name + "x".repeat(suffixLength)), highestNumber);
      const isShort = Buffer.byteLength(longest.http) <= longestSocketPath;
      if (!isShort) sweep(tmpdir(), elsewhere);
      const start = isShort ? join(beside, name) : join(tmpdir(), `${elsewhere}${process.pid}-`);
      // Made with 0700, and never one that is there already.
      this.#path = mkdtempSync(start);
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      const message = "workers cannot reach each other, and each decides alone";
      this.#log.warn(message, { folder: beside, cause });
    }
    return this.#path;
  }

  /** Nobody of ours serves any more. */
  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}

/** Removes those of primaries of ours that were killed. One that cannot be removed is in nobody's way. */
function sweep(folder: string, start: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(start)) continue;
    const pid = Number(/^(\d+)-\w{6}$/.exec(name.slice(start.length))?.[1] ?? 0);
    if (pid === 0 || isRunning(pid)) continue;
    const path = join(folder, name);
    try {
      if (isOurs(path)) rmSync(path, { recursive: true, force: true });
    } catch {
      // as above
    }
  }
}

/** Where others may write as well, anybody can make something of that name. */
function isOurs(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === process.geteuid?.();
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
