// How many workers `workers` asks for on this machine. In a container `auto` follows its share of CPU, as
// availableParallelism does.

import { availableParallelism } from "node:os";

/** 0 = everything in a single process; `auto` is never that. */
export function workerCount(count: number | "auto"): number {
  return count === "auto" ? Math.max(1, availableParallelism()) : count;
}
