// One line on a terminal that says how far a long action is, rewritten until the action is over.

import { setTimeout as pause } from "node:timers/promises";
import { readStatus } from "../admin/answers.ts";
import { askControl } from "../admin/control-client.ts";
import type { Status } from "../admin/operations.ts";
import { plain } from "./plain.ts";
import { counted } from "./units.ts";

const intervalMs = 250;

/**
 * Does nothing where nobody watches.
 *
 * @param tell what there is to say now; undefined = nothing new
 */
export async function withProgress<T>(
  work: Promise<T>,
  tell: (signal: AbortSignal) => Promise<string | undefined>,
): Promise<T> {
  if (!process.stderr.isTTY) return work;
  const over = new AbortController();
  const showing = show(tell, over.signal);
  try {
    return await work;
  } finally {
    over.abort();
    await showing;
  }
}

/** Of the whole program. */
export async function statusLine(
  path: string,
  doing: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await askControl(path, { route: "/v1/status", timeoutMs: 2000, signal });
  const now = answer.kind === "answer" ? readStatus(answer.body) : undefined;
  return now === undefined ? undefined : `${doing}: ${lineOf(now)}`;
}

async function show(
  tell: (signal: AbortSignal) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<void> {
  let isShown = false;
  while (!signal.aborted) {
    // What is over soon needs no line. An abort ends the wait, which is what it is for.
    await pause(intervalMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const line = await tell(signal);
    if (signal.aborted || line === undefined) continue;
    process.stderr.write(`\r\u001B[2K${plain(line)}`);
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
