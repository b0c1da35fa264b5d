// All proxies that are compared. A new one is one file and one line here.

import { caddy } from "./caddy.ts";
import { haproxy, haproxyWith } from "./haproxy.ts";
import { httpProxy3 } from "./http-proxy-3.ts";
import { nginx, nginxWith } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { tidegate, tidegateRouting } from "./tidegate.ts";

export const peers: readonly Peer[] = [tidegate, nginx, haproxy, caddy, httpProxy3];

/** Those that end TLS in one process as they are configured here. */
export const securePeers: readonly Peer[] = [
  tidegateRouting("tidegate", ["*"], { isSecure: true }),
  nginxWith("nginx", { isSecure: true }),
  haproxyWith({ isSecure: true }),
];

/** Those that speak HTTP/2 with clients, over TLS. */
export const http2Peers: readonly Peer[] = [
  tidegateRouting("tidegate", ["*"], { isSecure: true }),
  nginxWith("nginx", { isSecure: true, isHttp2: true }),
  haproxyWith({ isSecure: true, isHttp2: true }),
];

/** Those that speak it with the origin, too. nginx cannot. */
export const http2ThroughPeers: readonly Peer[] = [
  tidegateRouting("tidegate", ["*"], { isSecure: true, isOriginHttp2: true }),
  haproxyWith({ isSecure: true, isHttp2: true, isOriginHttp2: true }),
];

/** The same without TLS on either side, as most gRPC runs inside a cluster. */
export const http2ClearPeers: readonly Peer[] = [
  tidegateRouting("tidegate", ["*"], { isH2c: true, isOriginHttp2: true }),
  haproxyWith({ isOriginHttp2: true }),
];
