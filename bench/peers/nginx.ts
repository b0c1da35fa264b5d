// nginx, the yardstick: one worker, keep-alive to the origin, combined log unbuffered as by default.

import { writeFileSync } from "node:fs";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export const nginx: Peer = {
  name: "nginx",
  version: () => firstLineOf("nginx", "-v")?.replace("nginx version: nginx/", ""),
  launch(stage, origin, port) {
    const file = stage.path("nginx.conf");
    writeFileSync(file, configuration(stage.folder, origin.port, port));
    return stage.launch({
      name: "nginx",
      command: "nginx",
      args: ["-p", stage.folder, "-e", stage.path("nginx-error.log"), "-c", file],
      core: "proxy",
    });
  },
};

function configuration(folder: string, origin: number, port: number): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log;
events { worker_connections 19000; }
http {
  access_log ${folder}/nginx-access.log combined;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream origin {
    server 127.0.0.1:${origin};
    keepalive 256;
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
