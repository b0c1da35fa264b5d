// Those that keep answers and give them again, from memory or the page cache: ours, nginx's proxy_cache, and Varnish. The origin
// says nothing of freshness; each of them is told an hour.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { firstLineOf } from "../harness/machine.ts";
import { nginx } from "./nginx.ts";
import type { Peer } from "./peer.ts";
import { tidegateServing } from "./tidegate.ts";

const nginxCache: Peer = nginxCaching("nginx", "");

/** @param more of the location */
function nginxCaching(name: string, more: string): Peer {
  return {
    name,
    version: nginx.version,
    launch(stage, origin, port) {
      const { folder } = stage;
      const file = stage.path("nginx-cache.conf");
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (each) => `${each}_temp_path ${folder}/nginx-cache-${each};`,
      );
      writeFileSync(
        file,
        `
daemon off;
worker_processes 1;
pid ${folder}/nginx-cache.pid;
error_log ${folder}/nginx-cache-error.log;
events { worker_connections 19000; }
http {
  access_log ${folder}/nginx-cache-access.log combined;
  sendfile on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  ${temporary.join("\n  ")}
  proxy_cache_path ${folder}/nginx-cache levels=1:2 keys_zone=kept:8m;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_cache kept;
      proxy_cache_valid 200 1h;${more}
      add_header X-Cache-Status $upstream_cache_status;
      proxy_pass http://127.0.0.1:${origin.port};
    }
  }
}
`,
      );
      return stage.launch({
        name: "nginx-cache",
        command: "nginx",
        args: ["-p", folder, "-e", stage.path("nginx-cache-error.log"), "-c", file],
        core: "proxy",
      });
    },
  };
}

/** It writes no log by itself: what that costs is with another program, and not counted. */
const varnish: Peer = {
  name: "varnish",
  version: () => /varnish-(\S+)/.exec(firstLineOf("varnishd", "-V") ?? "")?.[1],
  launch(stage, origin, port) {
    const file = stage.path("varnish.vcl");
    const backend = `backend default { .host = "127.0.0.1"; .port = "${origin.port}"; }`;
    const ttl = "sub vcl_backend_response { set beresp.ttl = 1h; }";
    writeFileSync(file, `vcl 4.1;\n${backend}\n${ttl}\n`);
    const folder = stage.path("varnish");
    return stage.launch({
      name: "varnish",
      command: "varnishd",
      args: ["-F", "-a", `127.0.0.1:${port}`, "-f", file, "-s", "malloc,64m", "-n", folder],
      core: "proxy",
    });
  },
};

/** No proxy: what the clients of `dog-pile` and the machine take by themselves. */
export const pileFloor: Peer = {
  name: "floor",
  version: () => process.version,
  launch(stage, origin, port) {
    return stage.launch({
      name: "floor",
      command: process.execPath,
      args: [join(import.meta.dirname, "pile-floor-server.ts"), String(port), String(origin.port)],
      core: "any",
    });
  },
};

/** Of many who ask for the same, one asks the origin. */
export const pilePeers: readonly Peer[] = [
  ...[1, 2].map((workers) =>
    tidegateServing(
      `tidegate (${workers})`,
      (_stage, origin) => ({
        routes: { "*": { service: "origin", middlewares: { cache: { ttl: "1h" } } } },
        services: { origin: { backends: [`http://127.0.0.1:${origin.port}`] } },
      }),
      { workers, core: "any" },
    ),
  ),
  nginxCaching("nginx", "\n      proxy_cache_lock on;\n      proxy_cache_lock_timeout 60s;"),
  varnish,
];

export const cachePeers: readonly Peer[] = [
  tidegateServing("tidegate", (_stage, origin) => ({
    routes: { "*": { service: "origin", middlewares: { cache: { ttl: "1h" } } } },
    services: { origin: { backends: [`http://127.0.0.1:${origin.port}`] } },
  })),
  nginxCache,
  varnish,
];
