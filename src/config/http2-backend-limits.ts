// What bounds HTTP/2 with backends, each with its reason: counts, bytes and milliseconds.

export const http2BackendLimits = {
  // Of ours on one connection, however many it would take: what is lost with a connection is bounded, and so is what waits behind
  // one lost packet. What most servers grant.
  streams: 128,
  // Under way on one connection to us: a backend is near, and 4 MiB fill a line of 10 Gbit/s over 3 ms. Shared by its streams.
  windowBytes: 4 * 1024 * 1024,
  // For the first SETTINGS and their acknowledgement. Who takes longer does not speak HTTP/2.
  settings: 10_000,
  // Silence while an answer is awaited, until the backend is asked for a sign of life: long before the usual 60 s for an answer.
  pingAfter: 30_000,
  // Again after that: servers of gRPC take offence at pings within 5 minutes while they have nothing to send.
  pingAgain: 330_000,
  // For the answer. A machine that is there answers at once; one that collects garbage may take seconds.
  pong: 15_000,
  // Of requests that the backend refused untouched, asked again on another connection of the same backend. One is usual when it
  // restarts; who refuses so many is overloaded.
  refusals: 3,
  // Interim answers of one request, as over HTTP/1.1.
  interims: 32,
  // How long the last bytes of a tunnel may take to leave.
  ending: 10_000,
} as const;
