// Caddy on one thread of Go. Its access log is JSON: it has no combined format.

import { writeFileSync } from "node:fs";
import { firstLineOf } from "../harness/machine.ts";
import type { Peer } from "./peer.ts";

export const caddy: Peer = {
  name: "caddy",
  version: () => firstLineOf("caddy", "version")?.split(" ", 1)[0],
  launch(stage, origin, port) {
    const file = stage.path("Caddyfile");
    writeFileSync(file, configuration(stage.folder, origin.port, port));
    return stage.launch({
      name: "caddy",
      command: "caddy",
      args: ["run", "--config", file, "--adapter", "caddyfile"],
      core: "proxy",
      env: { GOMAXPROCS: "1", HOME: stage.folder, XDG_DATA_HOME: stage.folder },
    });
  },
};

function configuration(folder: string, origin: number, port: number): string {
  return `
{
  admin off
  auto_https off
}
:${port} {
  bind 127.0.0.1
  log {
    output file ${folder}/caddy-access.log {
      roll_disabled
    }
    format json
  }
  reverse_proxy 127.0.0.1:${origin} {
    header_up X-Real-IP {remote_host}
    transport http {
      keepalive 600s
      keepalive_idle_conns 256
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
