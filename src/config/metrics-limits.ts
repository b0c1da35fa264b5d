// What counting and showing numbers is granted, with the reason for each. Milliseconds, bytes and counts.

/**
 * Routes, services, backends … that are shown by name, of each kind. A route has 28 lines, so this is 2.5 MiB for who
 * asks, and 30,000 series to keep for Prometheus. All others are one row together.
 */
export const defaultMaxSeries = 1000;

/** More than this no Prometheus is glad of, and an answer has 60 MiB. */
export const mostSeries = 25_000;

export const measureLimits = {
  // Of one message, some 200 KiB: the primary has other things to do. The rest follows a second later.
  rowsPerReport: 2000,
  // Of a name in a row: a host name has 253, and containers call themselves what they like.
  labelLength: 300,
  // Ten minutes of seconds: what a person looks back at who has just been called.
  history: 600,
  // Rates of routes are of the last five to ten seconds.
  window: 5000,
  // What is not in the configuration any more, and had nothing to tell for so long, is given up.
  forgottenAfter: 600_000,
  sweepEvery: 60_000,
  // The primary does something else when it has written for so long.
  turn: 8,
  // Routes, services and backends in one answer for people.
  rows: 50,
  mostRows: 1000,
  // Consoles that look on at a time; each gets some 10 KiB a second.
  followers: 64,
  // What one of them has not read. Whoever is further behind is cut off.
  followerBytes: 512 * 1024,
  // Of who asks for metrics at the address of their own: each may hold a whole answer.
  connections: 8,
  headTimeout: 5000,
  // Also for all of an answer: who takes longer to read it is cut off.
  silence: 30_000,
  retryEvery: 2000,
  closeGrace: 500,
} as const;
