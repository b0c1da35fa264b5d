// The same programs as carriers of plain TCP: every connection goes to the origin, one line of log for each.

import { writeFileSync } from "node:fs";
import { haproxy } from "./haproxy.ts";
import type { Peer } from "./peer.ts";
import { program, tidegate } from "./tidegate.ts";

export const tidegateTcp: Peer = {
  ...tidegate,
  launch(stage, origin, port) {
    const file = stage.path("tidegate-tcp.json");
    const configuration = {
      listeners: { tcp: { bind: `127.0.0.1:${port}`, protocol: "tcp", service: "origin" } },
      services: { origin: { backends: [`tcp://127.0.0.1:${origin.port}`] } },
      accessLog: { path: stage.path("tidegate-access.log") },
      limits: { connections: 30_000, connectionsPerAddress: 30_000 },
      workers: 1,
      controlSocket: stage.path("tidegate.sock"),
      stateFolder: stage.path("tidegate-state"),
    };
    writeFileSync(file, JSON.stringify(configuration, undefined, 1));
    return stage.launch({
      name: "tidegate",
      command: program,
      args: ["run", "--config", file],
      core: "proxy",
      env: { NODE_ENV: "production" },
    });
  },
};

export const haproxyTcp: Peer = haproxyWith("haproxy", "");

/** Bytes stay in the kernel, which Node has no way to ask for. */
export const haproxySplicing: Peer = haproxyWith("haproxy, splice", "option splice-response");

function haproxyWith(name: string, option: string): Peer {
  const id = name.replace(/\W+/g, "-");
  return {
    ...haproxy,
    name,
    launch(stage, origin, port) {
      const file = stage.path(`${id}.cfg`);
      writeFileSync(file, haproxyConfiguration(origin.port, port, option));
      return stage.launch({
        name: id,
        command: "haproxy",
        args: ["-db", "-f", file],
        core: "proxy",
      });
    },
  };
}

function haproxyConfiguration(origin: number, port: number, option: string): string {
  return `
global
  nbthread 1
  maxconn 4000
  log stdout format raw local0
defaults
  mode tcp
  log global
  option tcplog
  ${option}
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend tcp
  bind 127.0.0.1:${port} backlog 4096
  default_backend origin
backend origin
  server origin 127.0.0.1:${origin}
`;
}
