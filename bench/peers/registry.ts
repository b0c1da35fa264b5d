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
  nginxWith("nginx", ["127.0.0.1"], true),
  haproxyWith(true),
];
