// What is usual for proxies made with http-proxy's API, and what bounds them, each with its reason.

import { defaultPool } from "./limits.ts";
import type { PoolSettings } from "./service.ts";

export const httpProxyPool: PoolSettings = {
  ...defaultPool,
  // There was no limit at all in http-proxy, and each WebSocket is one: as many as a program of ours takes of clients.
  maxConnections: 20_000,
  // Below the 5 s of Node's own servers, which most targets are: a connection closed under us is a request lost. Such a
  // connection also keeps the process running for so long.
  idleTimeout: 4000,
};

/** Counts and milliseconds. */
export const httpProxyLimits = {
  // Targets with connections of their own. Three kilobytes each: who makes up a target for every request gets no further.
  targets: 1000,
  // Nobody asked for it since: several times as long as its connections are kept.
  targetIdle: 60_000,
  // In http-proxy it was the system's, some two minutes, by when nobody waits any more. Far backends accept within 10 s.
  connect: 30_000,
  // What has no connection limit of its own is looked after so often.
  sweep: 1000,
  // How coarse time limits are: see src/lib/wheel.ts.
  tick: 50,
} as const;
