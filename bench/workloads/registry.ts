// All workloads by name, and those that run when none is named: the figures the project promises.

import { backends } from "./backends.ts";
import { cacheHit, cacheHitMedium, smokeCache } from "./cache.ts";
import { dogPile } from "./dog-pile.ts";
import { gzip, gzip6, gzip6Large, gzipLarge } from "./compression.ts";
import { fastcgi, files, filesMedium, smokeFastcgi, smokeFiles } from "./files.ts";
import { hugeFile } from "./huge-file.ts";
import { h2RapidReset } from "./h2-rapid-reset.ts";
import { grpc, h2, h2Large, h2Through } from "./http2.ts";
import { h2Idle, idle } from "./idle.ts";
import { middlewares } from "./middlewares.ts";
import { mysql } from "./mysql.ts";
import { routes } from "./routes.ts";
import { routing } from "./routing.ts";
import { sessions } from "./sessions.ts";
import { tcp, tcpConnections } from "./tcp.ts";
import {
  connections,
  handshakes,
  large,
  medium,
  resumptions,
  small,
  smoke,
  tls,
} from "./throughput.ts";
import { workers } from "./workers.ts";
import type { Workload } from "./workload.ts";

const all = [
  small,
  medium,
  large,
  connections,
  tls,
  handshakes,
  resumptions,
  sessions,
  routes,
  backends,
  idle,
  routing,
  workers,
  tcp,
  tcpConnections,
  mysql,
  middlewares,
  files,
  filesMedium,
  cacheHit,
  cacheHitMedium,
  dogPile,
  gzip,
  gzip6,
  gzipLarge,
  gzip6Large,
  hugeFile,
  fastcgi,
  h2,
  h2Large,
  h2Through,
  h2Idle,
  h2RapidReset,
  grpc,
  smoke,
  smokeFiles,
  smokeFastcgi,
  smokeCache,
];

export const workloads: ReadonlyMap<string, Workload> = new Map(
  all.map((each) => [each.name, each]),
);

export const promised: readonly string[] = [
  small,
  medium,
  files,
  filesMedium,
  fastcgi,
  routes,
  idle,
].map((each) => each.name);

/** What the name `smoke` stands for: a short one of each kind of work. */
export const smokes: readonly Workload[] = [smoke, smokeFiles, smokeFastcgi, smokeCache];
