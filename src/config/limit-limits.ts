// Bounds of the middlewares that say how much: rateLimit, concurrency and bandwidth.

export const rateLimits = {
  /** Requests in a second: a thousand times what a core serves. Times between requests stay far above the smallest step. */
  mostPerSecond: 1_000_000,
  /** Longest period, and longest time until a limit that was used up is whole again, ms: a year, which clocks can still count. */
  longest: 366 * 86_400_000,
  /** Limits of one middleware: all of them are asked for each request. */
  mostRates: 5,
  /** Parts that one key is made of. */
  mostParts: 4,
  /** Clients that are remembered where nothing is said: some 15 MB when all of them are there. */
  keys: 100_000,
  mostKeys: 10_000_000,
  /** Characters of a key that are kept as they are; what is longer is remembered by its hash. */
  keyLength: 64,
  /** Keys of whom somebody else said that they have to wait: only a short cut, so that it may be forgotten at any time. */
  refused: 10_000,
  /** Longest wait for the worker that looks after a key, ms: it answers within a turn of its event loop, which may be a full one. */
  peerWait: 250,
} as const;

export const redisLimitLimits = {
  /** Longest wait for Redis where nothing is said, and at all, ms: every request waits for it. */
  wait: 50,
  mostWait: 5000,
  /** Until a connection is there, ms. */
  connectTimeout: 2000,
  /** A Redis that failed is not asked again for so long, ms: else each request would wait for it. */
  rest: 1000,
  /** Questions without an answer yet. */
  mostAsked: 10_000,
  /** Answers in a row that came too late, after which the connection is taken for dead. */
  mostLate: 20,
} as const;

export const concurrencyLimits = {
  most: 1_000_000,
  mostQueue: 100_000,
  /** ms */
  queueTime: 10_000,
  /** The longest that a middleware may let a request wait is 30 s. */
  mostQueueTime: 25_000,
  /** Between two words of a worker about all that it has running, ms. */
  reportEvery: 500,
  /** What a worker said holds no longer than this, ms: it is gone. */
  reportHolds: 3000,
  /** Between two questions for a place, while somebody waits here and all places are taken elsewhere, ms. */
  askEvery: 100,
  /** Between two looks for those who left while they waited, ms: one goes over the whole queue. */
  sweepEvery: 50,
  /** Keys that one message tells of. */
  mostReported: 10_000,
  /** Longest wait for the worker that looks after a key, ms. */
  peerWait: 250,
} as const;

export const bandwidthLimits = {
  /** Slowest, bytes in a second: beneath it a client looks dead to everybody between it and us. */
  least: 1024,
  /** 10 TB/s: numbers stay exact. */
  most: 10_000_000_000_000,
  /** Between two portions, ms: short enough to look even, long enough to cost nothing. */
  turn: 50,
  /** Clients with a rate of their own that are remembered. */
  keys: 100_000,
} as const;
