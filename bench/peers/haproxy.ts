// HAProxy: one thread, its own HTTP log format written to stdout, which the stage sends to a file.

import { writeFileSync } from "node:fs";
import { writeCredentials } from "../harness/credentials.ts";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export const haproxy: Peer = haproxyWith(false);

/** @param isSecure clients come over TLS */
export function haproxyWith(isSecure: boolean): Peer {
  return {
    name: "haproxy",
    isSecure,
    version: () => firstLineOf("haproxy", "-v")?.replace(/^HAProxy version (\S+).*$/, "$1"),
    launch(stage, origin, port) {
      const file = stage.path("haproxy.cfg");
      const crt = isSecure ? ` ssl crt ${writeCredentials(stage).both} alpn http/1.1` : "";
      writeFileSync(file, configuration(origin.port, `127.0.0.1:${port} backlog 4096${crt}`));
      return stage.launch({
        name: "haproxy",
        command: "haproxy",
        args: ["-db", "-f", file],
        core: "proxy",
      });
    },
  };
}

function configuration(origin: number, bind: string): string {
  return `
global
  nbthread 1
  maxconn 4000
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
  server origin 127.0.0.1:${origin} pool-max-conn 256
`;
}
