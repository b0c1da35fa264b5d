// Limits of the store, and why they are what they are. Part of `limits.ts`, which would be too long with it.

import { sources } from "./provider-limits.ts";

/** Counts, bytes and milliseconds. */
export const store = {
  // As of any other place where operators keep routes.
  items: sources.items,
  itemBytes: sources.itemBytes,
  depth: sources.depth,
  // All values together. The primary has them in memory, and an export has to fit into one answer of 64 MiB,
  // where a text may need more room than in the file.
  bytes: 32 * 1024 * 1024,
  // Years of changes by hand, and about a week of a script that makes one each minute. Rather a count than a
  // time: whoever looks for what was changed before a quiet year finds it.
  revisions: 10_000,
  // Of what these changed: a few imports of everything should not fill a disk.
  historyBytes: 256 * 1024 * 1024,
  // Revisions in one answer, and what is read of them.
  page: 100,
  // Of what these changed: an import of everything is as good as a page of its own.
  pageBytes: 16 * 1024 * 1024,
  note: 500,
  // Of one change, and as many notes, as told.
  problems: 100,
  // One after the other, while nothing else goes on in the primary.
  changes: 10_000,
  // Somebody who looks into the file has it locked for some ms; longer than that nobody is kept waiting.
  busyWait: 1000,
} as const;

/** When a change that is watched is taken back. */
export const changeWatch = {
  // How often is looked, ms: counts of workers come once a second.
  look: 1000,
  // Fewer are a client that asks for rubbish, or a backend that was slow once.
  failures: 10,
  // Of what these routes answered since the change.
  share: 0.05,
  // As large a share as before it, and so many times.
  times: 2,
  // Whoever waits longer looks by then, ms; shorter than the first no failure is seen.
  least: 5000,
  most: 3_600_000,
} as const;
