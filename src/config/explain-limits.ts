// Bounds of explanations of requests, and of the tests of routes in the configuration.

export const explainLimits = {
  /** Routes told of that could have had the request: a screen has 50 lines, and nobody reads more. */
  candidates: 20,
  /** Of those, how many are asked for more than host and path, which may be expressions: it takes milliseconds. The others are counted. */
  checked: 2000,
  /** Of a value that is shown of a request, characters: enough to tell it from another. */
  shown: 120,
  /** Services told of that one request may come to, one in the other: more are named only. */
  services: 20,
  /** Backends told of for one service: what is wrong with 50 is wrong with the others too. */
  backends: 50,
  /** Of a URL, characters: no listener takes a longer target. */
  url: 16 * 1024,
  /** Header fields of one request: what a listener takes by default. */
  headers: 100,
  /** Of all the header fields together, bytes: what a listener takes by default. */
  headerBytes: 32 * 1024,
  /** That one takes, milliseconds: with 10,000 expressions without a plain beginning it is 20, and one that backtracks never ends. */
  time: 1000,
} as const;

export const routeTestLimits = {
  /** All of them run with every change, some microseconds each: 1000 are not felt. */
  tests: 1000,
  /** So long they run at a stretch, milliseconds: then whatever else waits has its turn. */
  stretch: 10,
  /** That take `explainLimits.time` and did not end by then: further ones would hold up a change for minutes, and are not run. */
  endless: 3,
  /** Failed ones that are told of one by one; who broke more sees what it is by these. */
  told: 20,
} as const;
