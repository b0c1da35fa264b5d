// All proxies that are compared. A new one is one file and one line here.

import { caddy } from "./caddy.ts";
import { haproxy } from "./haproxy.ts";
import { httpProxy3 } from "./http-proxy-3.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { tidegate } from "./tidegate.ts";

export const peers: readonly Peer[] = [tidegate, nginx, haproxy, caddy, httpProxy3];
