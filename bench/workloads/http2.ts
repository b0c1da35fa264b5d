// Guards: what a request over HTTP/2 costs, beside others that speak it; and how fast one connection carries large bodies.

import { startGrpcOrigin } from "../harness/grpc-origin.ts";
import { http2ClearPeers, http2Peers, http2ThroughPeers } from "../peers/registry.ts";
import { throughput } from "./throughput.ts";

/** On each of 8 connections. */
const streams = 10;

export const h2 = throughput({
  name: "h2",
  claim:
    "128-byte answers over HTTP/2 and TLS 1.3, 10 streams on each of 8 connections, HTTP/1 backends: " +
    "at most 1.3 times nginx's CPU per request, and 1.6 times HAProxy's",
  path: "/small",
  peers: http2Peers,
  load: { streams },
  mostToNginx: 1.3,
  mostToHaproxy: 1.6,
});

export const h2Large = throughput({
  name: "h2-large",
  claim:
    "1 MB answers over one HTTP/2 connection with 100 streams: nginx is at most 1.3 times as fast",
  path: "/large",
  peers: http2Peers,
  load: { streams: 100, connections: 1 },
  leastSpeedToNginx: 1 / 1.3,
});

export const h2Through = throughput({
  name: "h2-through",
  claim: "`h2` with HTTP/2 to the origin, too: what it costs beside HAProxy (no limit claimed)",
  path: "/small",
  peers: http2ThroughPeers,
  origin: (_stage, { h2c }) => h2c,
  load: { streams },
  yardstick: "haproxy",
});

/** A gRPC message of 13 bytes, not compressed. */
const message = Buffer.from("\0\0\0\0\x0dbench of gRPC", "latin1");

export const grpc = throughput({
  name: "grpc",
  claim:
    "unary gRPC calls over HTTP/2 without TLS, 10 at once on each of 8 connections: what one costs beside " +
    "HAProxy (no limit claimed)",
  path: "/bench.Echo/Call",
  peers: http2ClearPeers,
  origin: (stage) => startGrpcOrigin(stage),
  load: { streams, body: message, headers: ["content-type: application/grpc", "te: trailers"] },
  yardstick: "haproxy",
});
