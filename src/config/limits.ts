// Every default that bounds something, in one place, each with its reason. Milliseconds and bytes;
// 0 = no limit, where the setting allows it.

import type { ClientTimeouts, ExchangeTimeouts, Limits, PoolSettings } from "./snapshot.ts";
import type { RetrySettings, Shutdown, WorkerSettings } from "./snapshot.ts";

export const defaultLimits: Limits = {
  // 10 kB each when idle: 200 MB at worst. Above the usual soft limit of files, which Node raises to the
  // hard one as it starts.
  connections: 20_000,
  // High on purpose: behind another proxy, a NAT or a load test all clients share one address.
  connectionsPerAddress: 2000,
  // Four times what nginx grants in its first large buffer: room for cookies and Kerberos tickets.
  headBytes: 32 * 1024,
  // Browsers send about 20; 100 is what Apache and HAProxy settled on.
  headerCount: 100,
  // Twice the 8000 bytes RFC 9110 section 4.1 asks everybody to support.
  targetBytes: 16 * 1024,
  // Backends are trusted more than clients: large Set-Cookie and CSP fields do occur.
  responseHeadBytes: 64 * 1024,
  // Trailers carry a checksum or a gRPC status, never more.
  trailerBytes: 8 * 1024,
  // One socket read. More buffers more per slow reader without moving bytes faster.
  bufferBytes: 64 * 1024,
};

// No limit: bodies are streamed and cost no memory here, and any number breaks somebody's upload
// (container images, backups). The backend knows what it wants to take.
export const defaultMaxBody = 0;

export const defaultClientTimeouts: ClientTimeouts = {
  // A slow phone needs seconds; a slowloris wants minutes.
  head: 30_000,
  // Longer than the 60 s after which most clients close by themselves: they, not we, race the close.
  idle: 75_000,
};

export const defaultExchangeTimeouts: ExchangeTimeouts = {
  // A pause, not a total: a large upload over a bad line still gets through.
  body: 60_000,
  // Backends are near. What has not accepted after 5 s is overloaded or gone.
  connect: 5000,
  // What nginx, HAProxy examples and most clients use; long reports ask for more by route.
  response: 60_000,
  // Server-sent events send a comment at least every 15 to 45 s, by custom.
  responseBody: 60_000,
  // WebSocket applications ping every 30 s or so; those that never do are quiet for an hour at most.
  tunnel: 3_600_000,
};

export const defaultPool: PoolSettings = {
  // More than most application servers serve at once; it keeps a burst from becoming their problem.
  maxConnections: 512,
  // Two further rounds of work. Beyond that, waiting only turns slow answers into late failures.
  maxWaiting: 1024,
  // After 10 s people have gone or pressed reload.
  maxWait: 10_000,
  // Enough to serve a steady load of hundreds without connecting anew, small enough to hold for nothing.
  maxIdle: 128,
  // Below the keep-alive of common application servers where possible (Apache 5 s and Node 5 s are
  // shorter, nginx 75 s, Go and Puma longer): a connection closed under us costs a retry.
  idleTimeout: 30_000,
};

export const defaultRetry: RetrySettings = {
  // A stale connection, then a second one opened fresh. More would multiply load in an outage.
  attempts: 2,
  // Forms and JSON calls fit; uploads do not and are not worth the memory.
  replayBody: 64 * 1024,
  nonIdempotent: false,
};

export const defaultShutdown: Shutdown = {
  // Most supervisors kill after 30 s or later (systemd 90 s, Kubernetes 30 s).
  grace: 30_000,
  // Time for a close frame; clients of tunnels reconnect by themselves.
  tunnelGrace: 5000,
};

export const defaultWorkers: WorkerSettings = {
  // A worker serves on one core; more of them than cores only wait for one another.
  count: "auto",
  // A leak must not take the machine. What a worker needs by design is far below: heads and buffers of
  // 20,000 connections are 200 MB.
  memoryLimit: 1024 ** 3,
  // One number read for each worker. A leak takes minutes to matter; a burst of 5 s is what fits in RAM.
  checkInterval: 5000,
  // Longer than nearly every download. It costs nothing but the memory of the old process.
  gracefulWait: 30 * 60_000,
  // As above: nobody who is connected notices a replacement, and clients of tunnels reconnect some time.
  tunnelWait: 30 * 60_000,
  // No request makes the event loop stand still for seconds; a stopped or swapping machine can.
  hangTimeout: 30_000,
  // A supervisor or systemd starts a successor within seconds. Who has none after a minute gets none.
  orphanWait: 60_000,
};

/** What a worker setting must be at least, or workers would be replaced for nothing, over and over. */
export const leastWorkers = {
  // An idle worker is about that large.
  memoryLimit: 64 * 1024 ** 2,
  // Workers tell their size once a second: to look much more often shows nothing new.
  checkInterval: 100,
  // One full garbage collection under load may take some hundred milliseconds.
  hangTimeout: 1000,
} as const;

/** How the processes are kept running. Not settings: nobody knows a better value in advance. */
export const supervision = {
  // What died once starts again unnoticed; what dies on every start must not take a core for it, and
  // after 10 s of life the cause was another one.
  restart: { first: 100, longest: 10_000, forgottenAfter: 10_000 },
  // Workers that only finish downloads pile up when replacements follow each other fast. Beyond this the
  // oldest gets no more than shutdown.grace.
  mostLeaving: (wanted: number) => 2 * wanted + 2,
  // Loading code takes half a second, 10,000 routes another; a machine that just boots is slower.
  liveWait: 20_000,
  // A primary waits for its configuration and then for its workers. One that hangs must not keep another away.
  serveWait: 60_000,
  // A worker answers between two requests. Who does not within this is replaced: it has an old snapshot.
  ackWait: 10_000,
} as const;

/** How a provider that fails is started again. */
export const providerRestart = {
  // It is usually a file or a daemon that is being replaced, and back in a moment. One that stays away is
  // asked twice a minute, which no registry minds; after a minute of work the cause was another one.
  first: 500,
  longest: 30_000,
  forgottenAfter: 60_000,
} as const;

/** Larger files are a mistake (a log, a dump): 10,000 routes need about 1 MiB. */
export const maxConfigBytes = 16 * 1024 * 1024;

/**
 * How many values the aliases of one file may stand for: guards against "billion laughs", and lets
 * each of 10,000 routes use a few.
 */
export const maxAliases = 100_000;
