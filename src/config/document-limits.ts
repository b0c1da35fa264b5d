// Bounds of documents: each is in the memory of every worker.

export const documentLimits = {
  /** Bytes of one: half a million networks, or a hundred thousand passwords. */
  bytes: 8 * 1024 ** 2,
  /** Bytes of all together. What does not fit any more is left out, with a warning. */
  allBytes: 32 * 1024 ** 2,
  /** How many there are at most. */
  count: 256,
  /** Networks of one list. */
  networks: 500_000,
  /** Networks of one list of trusted proxies: those are part of every snapshot. */
  trusted: 10_000,
  /** What changes in a folder within so long is one change, ms. */
  settle: 100,
  /** Files are looked at so often even where the kernel tells of no change, ms. */
  poll: 30_000,
  /** Until the whole answer of a URL is there, ms. */
  answer: 20_000,
  /** Whoever starts waits so long for URLs that were never had before, ms. */
  firstWait: 5_000,
  /** After a failure a URL is asked again after `first`, then twice as long each time, ms. */
  retry: { first: 5_000, longest: 10 * 60_000, forgottenAfter: 60_000 },
  /** Shortest time between two questions that can be set, ms. */
  leastEvery: 10_000,
  /** Where none is said, ms: such lists change once in days. */
  every: 60 * 60_000,
  /** Levels of JSON that are looked into. */
  depth: 8,
} as const;
