// nginx, the yardstick: one worker, keep-alive to the origin, combined log unbuffered as by default.

import { writeFileSync } from "node:fs";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export const nginx: Peer = nginxWith("nginx", ["127.0.0.1"]);

/** @param backends addresses of the origin */
export function nginxWith(name: string, backends: readonly string[]): Peer {
  return {
    name,
    version: () => firstLineOf("nginx", "-v")?.replace("nginx version: nginx/", ""),
    launch(stage, origin, port) {
      const file = stage.path(`${name}.conf`);
      const servers = backends.map((each) => `    server ${each}:${origin.port};`);
      writeFileSync(file, configuration(name, stage.folder, servers, port));
      return stage.launch({
        name,
        command: "nginx",
        args: ["-p", stage.folder, "-e", stage.path(`${name}-error.log`), "-c", file],
        core: "proxy",
      });
    },
  };
}

function configuration(
  name: string,
  folder: string,
  servers: readonly string[],
  port: number,
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
    listen 127.0.0.1:${port} backlog=4096;
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
