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
