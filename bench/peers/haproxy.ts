// HAProxy: one thread, its own HTTP log format written to stdout, which the stage sends to a file.

import { writeFileSync } from "node:fs";
import { writeCredentials } from "../harness/credentials.ts";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export interface HaproxyOptions {
  /** Clients come over TLS. */
  readonly isSecure?: boolean;
  /** Those that want HTTP/2 over TLS have it; without TLS they always do. */
  readonly isHttp2?: boolean;
  /** The origin speaks HTTP/2, and nothing else. */
  readonly isOriginHttp2?: boolean;
}

export const haproxy: Peer = haproxyWith();

export function haproxyWith(options: HaproxyOptions = {}): Peer {
  const { isSecure = false, isHttp2 = false, isOriginHttp2 = false } = options;
  return {
    name: "haproxy",
    isSecure,
    version: () => firstLineOf("haproxy", "-v")?.replace(/^HAProxy version (\S+).*$/, "$1"),
    launch(stage, origin, port) {
      const file = stage.path("haproxy.cfg");
      const alpn = isHttp2 ? "h2,http/1.1" : "http/1.1";
      const crt = isSecure ? ` ssl crt ${writeCredentials(stage).both} alpn ${alpn}` : "";
      const server = `${origin.port}${isOriginHttp2 ? " proto h2" : ""}`;
      writeFileSync(file, configuration(server, `127.0.0.1:${port} backlog 4096${crt}`));
      return stage.launch({
        name: "haproxy",
        command: "haproxy",
        args: ["-db", "-f", file],
        core: "proxy",
      });
    },
  };
}

/** @param server port of the origin, and how it is asked */
function configuration(server: string, bind: string): string {
  return `
global
  nbthread 1
  maxconn 8000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend web
  bind ${bind}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Real-IP %[src]
  default_backend origin
backend origin
  server origin 127.0.0.1:${server} pool-max-conn 256
`;
}
