// Resident memory of this process. Asking opens a file, which fails when there are no descriptors left: just
// then the process has better things to do than to die of it.

let last = 0;

/** Bytes; the last known value when the system cannot say. */
export function residentBytes(): number {
  try {
    last = process.memoryUsage.rss();
  } catch {
    // EMFILE or ENFILE: the value before is near enough.
  }
  return last;
}
