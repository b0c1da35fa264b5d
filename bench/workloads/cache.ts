// Guards: what an answer out of the cache costs in CPU, side by side with nginx's proxy_cache and Varnish.

import { cachePeers } from "../peers/caches.ts";
import { short, throughput, unjudged } from "./throughput.ts";

export const cacheHit = throughput({
  name: "cache-hit",
  claim:
    "answers of 128 bytes out of the cache, 64 keep-alive connections: at most 1.2 times nginx's CPU per request",
  path: "/small",
  peers: cachePeers,
  mostToNginx: 1.2,
});

export const cacheHitMedium = throughput({
  name: "cache-hit-medium",
  claim:
    "answers of 10 kB out of the cache, 64 keep-alive connections: at most 1.2 times nginx's CPU per request",
  path: "/medium",
  peers: cachePeers,
  mostToNginx: 1.2,
});

export const smokeCache = throughput({
  name: "smoke-cache",
  claim: unjudged,
  path: "/small",
  peers: cachePeers,
  fixed: { ...short, rounds: 1 },
});
