// The machine under the bench: which cores are ours, what is installed, and what a result must say
// about where it was measured.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

/** `proxy` is the measured core; `load` carries the origin and the load generator; `any` pins nothing. */
export type Core = "proxy" | "load" | "any";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly node: string;
}

export const projectFolder = join(import.meta.dirname, "..", "..");

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: allowedCores().length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

/** The commit the figures belong to, `-dirty` when the work tree differs from it. */
export function commit(): string {
  try {
    const options = { cwd: projectFolder, encoding: "utf8", stdio: "pipe" } as const;
    const head = execFileSync("git", ["rev-parse", "--short=10", "HEAD"], options).trim();
    const status = ["status", "--porcelain", "--", ".", ":!bench/results"];
    return execFileSync("git", status, options) === "" ? head : `${head}-dirty`;
  } catch {
    return "uncommitted"; // No git, no repository, or nothing committed yet.
  }
}

/** What `command` says on stdout or stderr, its first line; undefined when it is not installed. */
export function firstLineOf(command: string, ...args: readonly string[]): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 10_000 });
  return error === undefined ? `${stdout}${stderr}`.trim().split("\n", 1)[0] : undefined;
}

/** The words that pin a command to a core; none where there is no second core or no taskset. */
export function pinning(core: Core): string[] {
  const [proxy, load] = allowedCores();
  if (core === "any" || proxy === undefined || load === undefined || !hasTaskset) return [];
  return ["taskset", "-c", String(core === "proxy" ? proxy : load)];
}

const hasTaskset = firstLineOf("taskset", "--version") !== undefined;

// In a container these need not be 0 and 1. The list looks like `0-3,8`.
function allowedCores(): number[] {
  const status = readFileSync("/proc/self/status", "latin1");
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
