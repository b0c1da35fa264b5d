// Ourselves, started as an operator does: the launcher and a configuration file. Options other than the
// defaults are only those that the workload needs (10,000 connections from one address).

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeCredentials } from "../harness/credentials.ts";
import { type Core, projectFolder } from "../harness/machine.ts";
import type { Origin } from "../harness/origin.ts";
import type { Stage } from "../harness/stage.ts";
import type { Peer } from "./peer.ts";

export const program = join(projectFolder, "bin", "tidegate");

export interface TidegateOptions {
  /** One, as the others have, unless workers are what is measured. */
  readonly workers?: number;
  readonly core?: Core;
  /** Addresses of the origin, each a backend; by default one. */
  readonly backends?: readonly string[];
  readonly balance?: string;
  /** Clients come over TLS. */
  readonly isSecure?: boolean;
  /** Without TLS, those that begin with HTTP/2 have it. */
  readonly isH2c?: boolean;
  /** The origin speaks HTTP/2, and nothing else. */
  readonly isOriginHttp2?: boolean;
}

/** The default: every host goes to the origin. */
export const tidegate: Peer = tidegateRouting("tidegate", ["*"]);

/** The same program with one route per host given. */
export function tidegateRouting(
  name: string,
  hosts: readonly string[],
  options: TidegateOptions = {},
): Peer {
  const { backends = ["127.0.0.1"], balance, isOriginHttp2 = false } = options;
  const scheme = isOriginHttp2 ? "h2c" : "http";
  return tidegateServing(
    name,
    (_stage, origin) => ({
      routes: Object.fromEntries(hosts.map((host) => [host, { service: "origin" }])),
      services: {
        origin: { backends: backends.map((each) => `${scheme}://${each}:${origin.port}`), balance },
      },
    }),
    options,
  );
}

/** The same program with these routes and services. */
export function tidegateServing(
  name: string,
  what: (stage: Stage, origin: Origin) => object,
  options: TidegateOptions = {},
): Peer {
  const { workers = 1, core = "proxy", isSecure = false, isH2c = false } = options;
  return {
    name,
    isSecure,
    version() {
      const manifest = readFileSync(join(projectFolder, "package.json"), "utf8");
      return existsSync(program) ? /"version": "([^"]+)"/.exec(manifest)?.[1] : undefined;
    },
    launch(stage, origin, port) {
      const file = stage.path(`${name}.json`);
      const configuration = {
        ...listening(stage, port, isSecure, isH2c),
        ...what(stage, origin),
        accessLog: { format: "combined", path: stage.path(`${name}-access.log`) },
        limits: { connections: 30_000, connectionsPerAddress: 30_000 },
        workers,
        controlSocket: stage.path(`${name}.sock`),
      };
      writeFileSync(file, JSON.stringify(configuration, undefined, 1));
      return stage.launch({
        name,
        command: program,
        args: ["run", "--config", file],
        core,
        env: { NODE_ENV: "production" },
      });
    },
  };
}

function listening(stage: Stage, port: number, isSecure: boolean, isH2c: boolean) {
  const bind = `127.0.0.1:${port}`;
  if (!isSecure) return { listeners: { web: isH2c ? { bind, h2c: true } : bind } };
  const { cert, key } = writeCredentials(stage);
  return {
    listeners: { web: { bind, tls: true } },
    tls: { certificates: [{ cert, key }] },
  };
}
