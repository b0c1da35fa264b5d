// One line on a terminal that says how far a long action is, rewritten until the action is over.

import { setTimeout as pause } from "node:timers/promises";
import { readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";
import type { Status } from "../admin/operations.ts";
import { counted } from "./units.ts";

const intervalMs = 250;

/** Does nothing where nobody watches. */
export async function withProgress<T>(path: string, doing: string, work: Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work;
  const over = new AbortController();
  const showing = show(path, doing, over.signal);
  try {
    return await work;
  } finally {
    over.abort();
    await showing;
  }
}

async function show(path: string, doing: string, signal: AbortSignal): Promise<void> {
  let isShown = false;
  while (!signal.aborted) {
    // What is over soon needs no line. An abort ends the wait, which is what it is for.
    await pause(intervalMs, undefined, { signal }).catch(() => {});
    const answer = await askControl(path, { route: "/v1/status", timeoutMs: 2000, signal });
    const now = answer.kind === "answer" ? readStatus(answer.body) : undefined;
    if (signal.aborted || now === undefined) continue;
    process.stderr.write(`\r\u001B[2K${doing}: ${lineOf(now)}`);
    isShown = true;
  }
  if (isShown) process.stderr.write("\r\u001B[2K");
}

function lineOf({ workers, counts }: Status): string {
  const parts = [counted(counts.exchanges, "request"), counted(counts.tunnels, "tunnel")];
  if (workers.wanted > 0) {
    parts.unshift(
      `${workers.live} of ${workers.wanted} workers live`,
      `${workers.leaving} leaving`,
    );
  }
  return parts.join(", ");
}
