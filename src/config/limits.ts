// Every default that bounds something, in one place, each with its reason. Milliseconds and bytes;
// 0 = no limit, where the setting allows it.

import type { ClientTimeouts, DatagramLimits, ExchangeTimeouts } from "./snapshot.ts";
import type { Breaker } from "./service.ts";
import type { Limits } from "./snapshot.ts";
import type { HealthCheck, HoldSettings, Maintenance, PassiveHealth } from "./service.ts";
import type { Shutdown, WorkerSettings } from "./snapshot.ts";
import type { PoolSettings, RetrySettings } from "./service.ts";

export const defaultLimits: Omit<Limits, "http2"> = {
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

/** As `defaultPool`, to programs that are not spoken HTTP to. */
export const gatewayPool: PoolSettings = {
  ...defaultPool,
  // A worker of PHP belongs to its connection for as long as that is open, and serves nobody else.
  maxIdle: 0,
};

/** Of a request body that is taken whole before a backend is asked, bytes in memory; the rest is on disk. */
export const spoolMemory = {
  // Forms and calls of an API fit, without a file for each.
  usual: 64 * 1024,
  // For each request at once: a hundred of them must not be the end of a small machine.
  most: 16 * 1024 * 1024,
} as const;

/** To a backend that left its service while somebody waits for a connection to it, ms. A live one accepts sooner. */
export const departedConnect = 1000;

export const defaultRetry: RetrySettings = {
  // A stale connection, then a second one opened fresh. More would multiply load in an outage.
  attempts: 2,
  // Forms and JSON calls fit; uploads do not and are not worth the memory.
  replayBody: 64 * 1024,
  nonIdempotent: false,
  // The route's own limit. A shorter one asks another backend while the first may still be working.
  tryTimeout: 0,
  // A backend's 503 is its answer, and often the same one everywhere.
  statuses: [],
  // One request in five: covers a backend that dies among several, and cannot make a storm of an outage.
  budget: 0.2,
};

/** Retries that `budget` always grants, so that a quiet service has some at all: in each worker. */
export const retryReserve = {
  count: 10,
  // Also what the budget looks back on.
  window: 10_000,
} as const;

export const defaultCheck: Omit<HealthCheck, "probe" | "port"> = {
  // A dead backend is found by traffic at once; checks bring it back, and find it when nobody asks.
  interval: 10_000,
  // Back within two seconds of being up, at a request a second while nobody else asks it.
  fastInterval: 1000,
  // As long as a connection may take (`timeouts.connect`).
  timeout: 5000,
  // One good answer may be luck of a program that restarts over and over.
  rise: 2,
  // One lost packet or one long garbage collection is no outage.
  fall: 3,
  // A start must not answer 503 until the first round is through.
  initially: "up",
};

/** What checks must be at least. */
export const leastCheck = {
  // More often only loads the backend: traffic itself tells the rest.
  interval: 100,
  // Less than a slow network needs for one round trip.
  timeout: 10,
} as const;

export const defaultPassive: PassiveHealth = {
  // Who refuses a connection refuses the next one too; asking costs each client a retry.
  connectFailures: 1,
  // Some requests kill what answers them. Five in a row are not the requests.
  failures: 5,
  // What share is too much depends on the application.
  ratio: 0,
  // Below that, one failure is already 5 %.
  minRequests: 20,
  window: 10_000,
  slow: 0,
  // A status is an answer of the application, about the request.
  statuses: [],
  // Hipache's deadBackendTTL was 30 s; we try a single exchange afterwards, so asking earlier is cheap.
  deadFor: 10_000,
};

/** A dead backend is tried again only after so long: below, it is as if it were never marked. */
export const leastDeadFor = 100;

export const defaultHold: HoldSettings = {
  // Waiting turns a quick 503 into a slow one where nobody comes back: by choice only.
  holdFor: 0,
  // 10 kB each, like any open request.
  maxHeld: 1000,
  // Longer than a restart; what browsers and most clients still wait for.
  pauseFor: 60_000,
};

export const defaultBreaker: Omit<Breaker, "expression" | "text"> = {
  // As Traefik's, all four.
  checkPeriod: 100,
  fallbackDuration: 10_000,
  recoveryDuration: 10_000,
  status: 503,
};

/** The shortest times of a breaker; below, it would look at nothing, or never cut anything off. */
export const leastBreaker = { checkPeriod: 10, duration: 100 } as const;

export const defaultMaintenance: Maintenance = {
  allow: [],
  page: undefined,
  // Clients and search engines that ask again in five minutes harm nobody, and are back soon.
  retryAfter: 300,
};

/** A page is sent as a whole, from memory, in every worker. */
export const maxPageBytes = 1024 * 1024;

export const defaultSessions = {
  // What application servers commonly keep a session for, twice.
  idle: 3_600_000,
  // 200 bytes each: 20 MB in each worker at worst.
  sessions: 100_000,
} as const;

export const defaultHashBound = 1.25;

export const defaultMirror = {
  // Held in memory until the request is complete. As `retry.replayBody`: forms and JSON calls fit.
  maxBody: 64 * 1024,
} as const;

/** Copies under way in one worker. A slow shadow must cost the real traffic neither memory nor sockets. */
export const maxMirrors = 100;

export const defaultDatagrams: DatagramLimits = {
  // A socket and about 2 kB each, of the one worker that serves the address.
  sessions: 10_000,
  // A resolver or a game server behind one NAT; an address that is forged cannot take it all.
  sessionsPerAddress: 1000,
  // DNS answers within seconds; what NAT boxes commonly keep a mapping for (RFC 4787 asks for 2 minutes
  // for unknown protocols, and sees 30 s widely).
  idle: 30_000,
};

/** A split of failovers of mirrors is three. Each level is gone through for every request. */
export const maxServiceDepth = 16;

/** Certificates and keys are a few kB, a bundle of all public authorities 250 kB. */
export const maxPemBytes = 1024 * 1024;

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
  // A hundred thousand routes are 40 MB. They take a worker some seconds, and many where the machine is busy.
  ackWaitPerMegabyte: 1000,
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

/** In texts some stand alone, such as in patterns; nothing that is meant to be read has so many. */
export const maxLeftOpen = 10_000;

/**
 * How many values the aliases of one file may stand for: guards against "billion laughs", and lets
 * each of 10,000 routes use a few.
 */
export const maxAliases = 100_000;

/** Of services that are started on demand. Milliseconds. */
export const demandPace = {
  // Starting takes about as long, and saying so costs one message. What got lost is said again soon.
  repeat: 1000,
  // What did not start in time will hardly do so at once: who asks meanwhile is told, and nothing is started.
  rest: 10_000,
} as const;

/** Of names that are looked up to find a container by its address. Milliseconds and counts. */
export const nameLookups = {
  // A record that says 0 is still good for a burst of requests; a year would outlive every container.
  leastTtl: 1000,
  longestTtl: 3_600_000,
  // A name that was just given an address is found soon, and a scanner does not ask DNS each time.
  unknownFor: 10_000,
  // Servers come back, and nobody should wait for that longer than needed.
  failedFor: 1000,
  // 300 bytes each. More hosts than any machine has containers: the rest are made up by somebody.
  names: 10_000,
  // A name server answers in milliseconds. Beyond that, somebody asks for names that it knows nothing of.
  atOnce: 100,
  timeout: 2000,
  // Of one question to one server, which is doubled for the second: a lost packet is no failure.
  firstTry: 600,
  // Of a request's body that is read meanwhile: whoever does not read finds out late that its client has gone.
  body: 64 * 1024,
} as const;

/** Of redirects by pattern. Characters. */
export const patternRedirect = {
  // `$1$1$1` makes long of short; nobody takes a longer line than that.
  target: 16 * 1024,
  // An operator's pattern may backtrack (lookahead and the like). Longer than any address that people see, and
  // short enough for what is tried on it with everything.
  unboundedUrl: 2048,
} as const;

/** Of configurations that are programs, while they are imported. Milliseconds and counts. */
export const importing = {
  // It reads a file or two and makes an object.
  loadTimeout: 5000,
  // A list of redirects with their options has four levels, and a busy server has hundreds of them.
  depth: 8,
  values: 10_000,
} as const;

/** Of configurations of other programs, while they are imported. Bytes and counts. */
export const importBounds = {
  // Thousands of sites make a megabyte.
  fileBytes: 8 * 1024 * 1024,
  // With includes, all files together; a site each, on a busy host.
  files: 2000,
  allBytes: 32 * 1024 * 1024,
  // nginx itself stops at ten levels of blocks that make sense; snippets in snippets are a few more.
  depth: 40,
  directives: 200_000,
  // More than that nobody reads; the first ones say what kind of thing it is.
  notes: 500,
  // A directive has a handful of words; each takes a hundred bytes.
  words: 2_000_000,
  // Items refer to each other a few levels deep; each round takes one level away.
  rounds: 12,
  // As the next; the path's part may be long as well.
  hostRule: 48 * 1024,
  // Ours have 64 KiB, and host and path stand in them as well; some 2000 networks are in that.
  accessRule: 48 * 1024,
  // Lines that let in and keep out by turns nest a level each, and rules are nested 64 levels deep at most.
  accessRuns: 40,
} as const;

/** Of proxy-etc's calls. */
export const proxyEtcLimits = {
  // Deployment scripts make one after the other.
  connections: 64,
  timeout: 5000,
  // A route with its targets; a thousand of them have 60 kB.
  bodyBytes: 256 * 1024,
  // More than any machine room of its time had behind one route.
  targets: 1000,
} as const;

/**
 * How long the answer of a request that found a backend dead is held back at most, for the other workers to hear of it. A
 * millisecond does, unless the primary is just putting thousands of routes together.
 */
export const spreadWait = 250;
