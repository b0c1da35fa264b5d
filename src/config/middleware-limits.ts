// Bounds of middlewares that no setting of theirs says.

/** Longest time that a middleware may let a request wait while it asks somebody, ms: those that ask give up much earlier. */
export const middlewareWait = 30_000;

/** Middlewares that one route, service or listener can name, chains written out: each costs every request. */
export const mostMiddlewares = 50;

export const ownLimits = {
  /** Ones that are wrong fail with each request; a few are a bad day. */
  failures: 20,
  /** Over which failures are counted, and how long one that failed too often is left alone, ms. */
  window: 60_000,
  /** Whoever waits for another service has a person waiting behind it, ms. */
  timeout: 5000,
  /** The event loop stands still for so long at most, ms: all requests of the worker wait. */
  blocking: 200,
} as const;

/** Of a middleware of somebody's own that has a thread to itself. */
export const ownThreadLimits = {
  /** A thread that does nothing has 10 MiB; this is room for a table or two. Of its heap; with buffers it may be twice that. Bytes. */
  memory: 64 * 1024 * 1024,
  /** Less does not begin. Bytes. */
  leastMemory: 16 * 1024 * 1024,
  /** Nobody waits for it but its own requests, and on a machine with too much to do a thread may not be let run for a while, ms. */
  busy: 2000,
  /** Shorter could not be told from a machine with much to do, ms. */
  leastBusy: 500,
  /** How often it is asked whether it is there, and how large it is, ms. */
  look: 250,
  /** Requests that wait in its line: more of them would wait longer than anybody does. */
  waiting: 1000,
  /** Requests that are told of their end: those beyond are forgotten, the oldest first. */
  kept: 10_000,
  /** In one worker: each has a heap of its own, and processors are few. */
  threads: 32,
  /** Until it is loaded; as its check may take, ms. */
  start: 10_000,
  /** Until one that ended is begun again: at once to begin with, then rarely, since each try costs a processor. ms. */
  again: { first: 100, longest: 30_000, forgottenAfter: 60_000 },
  /** Requests of a version that another one took over from may go on for so long, then their end is told to nobody, ms. */
  farewell: 60_000,
  /** What `close` has, ms. */
  closing: 1000,
  /** Threads of older versions that still have requests: whoever changes a file every second has no more than these. */
  leaving: 4,
  /** Warnings within `warningWindow`: the log writes fewer anyway. */
  warnings: 100,
  warningWindow: 10_000,
} as const;
