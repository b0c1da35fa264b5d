// Those that serve a folder, and PHP out of it, by themselves: ours, nginx with its sendfile (as it comes, and with a cache of open
// files, which it believes for a second as ours does), and Caddy. The origin is not asked.

import { writeFileSync } from "node:fs";
import { programSocket, siteOf } from "../harness/site.ts";
import type { Stage } from "../harness/stage.ts";
import { caddy } from "./caddy.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { tidegateServing } from "./tidegate.ts";

export const filePeers: readonly Peer[] = sites(false);

export const programPeers: readonly Peer[] = sites(true).filter(
  ({ name }) => name !== "nginx-cached",
);

function sites(hasPrograms: boolean): Peer[] {
  return [
    tidegateServing("tidegate", (stage) => ({
      routes: { all: { host: "*", service: "site" } },
      services: {
        site: {
          files: siteOf(stage),
          ...(hasPrograms ? { fastcgi: `unix:${programSocket(stage)}` } : {}),
        },
      },
    })),
    nginxServing("nginx", hasPrograms, ""),
    nginxServing(
      "nginx-cached",
      hasPrograms,
      "open_file_cache max=1000; open_file_cache_valid 1s;",
    ),
    caddyServing(hasPrograms),
  ];
}

function nginxServing(name: string, hasPrograms: boolean, more: string): Peer {
  return {
    name,
    version: nginx.version,
    launch(stage, _origin, port) {
      const file = stage.path(`${name}.conf`);
      writeFileSync(file, nginxText(stage, name, port, [more, hasPrograms ? php(stage) : ""]));
      return stage.launch({
        name,
        command: "nginx",
        args: ["-p", stage.folder, "-e", stage.path(`${name}-error.log`), "-c", file],
        core: "proxy",
      });
    },
  };
}

function php(stage: Stage): string {
  return `location ~ \\.php$ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass unix:${programSocket(stage)};
    }`;
}

function nginxText(stage: Stage, name: string, port: number, more: readonly string[]): string {
  const { folder } = stage;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (each) => `${each}_temp_path ${folder}/${name}-${each};`,
  );
  return `
daemon off;
worker_processes 1;
pid ${folder}/${name}.pid;
error_log ${folder}/${name}-error.log;
events { worker_connections 19000; }
http {
  access_log ${folder}/${name}-access.log combined;
  sendfile on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  types { text/html html; }
  default_type text/plain;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${siteOf(stage)};
    ${more.join("\n    ")}
  }
}
`;
}

function caddyServing(hasPrograms: boolean): Peer {
  return {
    name: "caddy",
    version: caddy.version,
    launch(stage, _origin, port) {
      const file = stage.path("Caddyfile");
      writeFileSync(file, caddyText(stage, port, hasPrograms));
      return stage.launch({
        name: "caddy",
        command: "caddy",
        args: ["run", "--config", file, "--adapter", "caddyfile"],
        core: "proxy",
        env: { GOMAXPROCS: "1", HOME: stage.folder, XDG_DATA_HOME: stage.folder },
      });
    },
  };
}

function caddyText(stage: Stage, port: number, hasPrograms: boolean): string {
  return `
{
  admin off
  auto_https off
}
:${port} {
  bind 127.0.0.1
  log {
    output file ${stage.folder}/caddy-access.log {
      roll_disabled
    }
    format json
  }
  root * ${siteOf(stage)}
  ${hasPrograms ? `php_fastcgi unix/${programSocket(stage)}` : ""}
  file_server
}
`;
}
