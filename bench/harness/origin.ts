// The origin behind every proxy: nginx with fixed bodies, on the core of the load generator, because it
// is cheap, the same for all, and not what is measured.

import { writeFileSync } from "node:fs";
import { freePort, untilAnswers } from "./deadline.ts";
import type { Core } from "./machine.ts";
import type { Stage } from "./stage.ts";

export interface Origin {
  readonly port: number;
}

export interface NginxOrigin extends Origin {
  /** The same over HTTP/2 without TLS, and nothing else. */
  readonly h2c: Origin;
}

/** Body sizes by path. */
export const bodies = { "/small": 128, "/medium": 10_240, "/large": 1_048_576 } as const;

/** @param addresses loopback addresses it listens on, the first one for all who need only one */
export async function startOrigin(
  stage: Stage,
  core: Core = "load",
  addresses: readonly string[] = ["127.0.0.1"],
): Promise<NginxOrigin> {
  const port = await freePort();
  const h2cPort = await freePort();
  for (const [path, size] of Object.entries(bodies)) {
    writeFileSync(stage.path(`body-${path.slice(1)}`), "tidegate".repeat(size / 8));
  }
  const file = stage.path("origin.conf");
  writeFileSync(file, configuration(stage.folder, port, h2cPort, addresses));
  const origin = stage.launch({
    name: "origin",
    command: "nginx",
    args: ["-p", stage.folder, "-e", stage.path("origin-error.log"), "-c", file],
    core,
  });
  try {
    await untilAnswers(port, 10_000, origin.isAlive);
  } catch (error) {
    throw new Error(`the origin (nginx) does not run: ${origin.errors()}`, { cause: error });
  }
  return { port, h2c: { port: h2cPort } };
}

function configuration(
  folder: string,
  port: number,
  h2cPort: number,
  addresses: readonly string[],
): string {
  return `
daemon off;
worker_processes 1;
pid ${folder}/origin.pid;
error_log ${folder}/origin-error.log;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  open_file_cache max=16;
  open_file_cache_valid 600s;
  default_type text/plain;
  client_body_temp_path ${folder}/origin-body;
  proxy_temp_path ${folder}/origin-proxy;
  fastcgi_temp_path ${folder}/origin-fastcgi;
  uwsgi_temp_path ${folder}/origin-uwsgi;
  scgi_temp_path ${folder}/origin-scgi;
  server {
${addresses.map((each) => `    listen ${each}:${port} backlog=4096;`).join("\n")}
    listen 127.0.0.1:${h2cPort} http2 backlog=4096;
${Object.keys(bodies)
  .map((path) => `    location = ${path} { alias ${folder}/body-${path.slice(1)}; }`)
  .join("\n")}
  }
}
`;
}
