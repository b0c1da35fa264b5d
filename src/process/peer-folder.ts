// The folder where the workers of one primary reach each other: new for each, beside the control socket. Nobody but the
// program's user may enter it: what is said there is believed.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { longestSocketPath } from "../config/peer-limits.ts";
import type { Log } from "../lib/log.ts";
import { placesIn } from "../peers/live-peers.ts";

const prefix = "peers-";
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
      sweep(beside);
      const name = `${prefix}${process.pid}-`;
      const longest = placesIn(join(beside, name + "x".repeat(suffixLength)), highestNumber);
      const isShort = Buffer.byteLength(longest.http) <= longestSocketPath;
      // Made with 0700, and never one that is there already.
      this.#path = mkdtempSync(
        join(isShort ? beside : tmpdir(), isShort ? name : `tidegate-${name}`),
      );
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

/** Removes those of primaries that were killed. One that cannot be removed is in nobody's way. */
function sweep(beside: string): void {
  for (const name of readdirSync(beside)) {
    const pid = Number(/^peers-(\d+)-\w{6}$/.exec(name)?.[1] ?? 0);
    if (pid === 0 || isRunning(pid)) continue;
    try {
      rmSync(join(beside, name), { recursive: true, force: true });
    } catch {
      // as above
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
