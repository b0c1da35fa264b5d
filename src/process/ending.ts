// The end of a process that looks into containers. Node's own waits for every call into a file system that is under way,
// and a container's may never return.

import { setTimeout as pause } from "node:timers/promises";
import { callsUnderWay } from "../guest/queue.ts";

/** Nobody waits for their results any more; those of a local disk are there within milliseconds. */
const patienceMs = 1000;
const stepMs = 20;

/** Resolves once this process can end by itself. When it cannot, it is killed here. */
export async function callsEnded(): Promise<void> {
  const until = performance.now() + patienceMs;
  while (callsUnderWay() > 0) {
    if (performance.now() > until) process.kill(process.pid, "SIGKILL");
    await pause(stepMs);
  }
}
