// Hints that a file's content changed. The folder is watched, not the file: editors and `mv` put another
// file in its place, and Kubernetes swaps a link above it. Some of those changes happen in no folder
// that we watch, so there is always a slow poll as well; it also serves where fs.watch fails.

import { createHash } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { FolderHints } from "../lib/folder-hints.ts";

const settleMs = 50;
const pollMs = 2000;

/**
 * Yields once when it watches, then whenever the content differs from before: what is read after the
 * first yield can be trusted. A file that is gone is a content of its own.
 */
export async function* watchConfigFile(path: string, signal: AbortSignal): AsyncGenerator<void> {
  using hints = new FolderHints(signal, settleMs);
  let known: string | undefined;
  while (!signal.aborted) {
    // Watched before it is looked at: what changes in between raises a hint.
    hints.watch([dirname(path), dirname(await realpath(path).catch(() => path))]);
    const now = await digestOf(path);
    if (now !== known && !signal.aborted) {
      known = now;
      yield;
    }
    await hints.next(pollMs);
  }
}

async function digestOf(path: string): Promise<string> {
  try {
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  } catch (error) {
    // Gone, or not readable: that too is a state, and leaving it is a change.
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
