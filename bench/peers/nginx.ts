// nginx, the yardstick: one worker, keep-alive to the origin, combined log unbuffered as by default.

import { writeFileSync } from "node:fs";
import { type BenchCredentials, writeCredentials } from "../harness/credentials.ts";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export interface NginxOptions {
  /** Addresses of the origin; by default one. */
  readonly backends?: readonly string[];
  /** Clients come over TLS. */
  readonly isSecure?: boolean;
  /** Those that want HTTP/2 have it. */
  readonly isHttp2?: boolean;
  /** Lines of the server. */
  readonly more?: readonly string[];
}

export const nginx: Peer = nginxWith("nginx");

export function nginxWith(name: string, options: NginxOptions = {}): Peer {
  const { backends = ["127.0.0.1"], isSecure = false, isHttp2 = false, more = [] } = options;
  return {
    name,
    isSecure,
    version: () => firstLineOf("nginx", "-v")?.replace("nginx version: nginx/", ""),
    launch(stage, origin, port) {
      const file = stage.path(`${name}.conf`);
      const servers = backends.map((each) => `    server ${each}:${origin.port};`);
      const how = `${isSecure ? "ssl " : ""}${isHttp2 ? "http2 " : ""}`;
      const listen = `listen 127.0.0.1:${port} ${how}backlog=4096;`;
      const tls = isSecure ? tlsLines(writeCredentials(stage)) : [];
      const lines = [listen, ...tls, ...more];
      writeFileSync(file, configuration(name, stage.folder, servers, lines));
      return stage.launch({
        name,
        command: "nginx",
        args: ["-p", stage.folder, "-e", stage.path(`${name}-error.log`), "-c", file],
        core: "proxy",
      });
    },
  };
}

/** The same with gzip for texts. */
export function compressingNginx(level: number): Peer {
  return nginxWith("nginx", {
    more: [
      "gzip on;",
      `gzip_comp_level ${level};`,
      "gzip_types text/plain;",
      "gzip_min_length 1024;",
    ],
  });
}

/** What is our default, too: TLS 1.2 and 1.3. */
function tlsLines({ cert, key }: BenchCredentials): readonly string[] {
  return [
    `ssl_certificate ${cert};`,
    `ssl_certificate_key ${key};`,
    "ssl_protocols TLSv1.2 TLSv1.3;",
  ];
}

function configuration(
  name: string,
  folder: string,
  servers: readonly string[],
  lines: readonly string[],
): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/${name}.pid;
error_log ${folder}/${name}-error.log;
events { worker_connections 19000; }
http {
  access_log ${folder}/${name}-access.log combined;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream origin {
${servers.join("\n")}
    keepalive ${Math.max(256, servers.length)};
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server {
    ${lines.join("\n    ")}
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
    }
  }
}
`;
}
