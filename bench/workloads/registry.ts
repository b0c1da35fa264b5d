// All workloads by name, and those that run when none is named: the figures the project promises.

import { backends } from "./backends.ts";
import { idle } from "./idle.ts";
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
  smoke,
];

export const workloads: ReadonlyMap<string, Workload> = new Map(
  all.map((each) => [each.name, each]),
);

export const promised: readonly string[] = [small, medium, routes, idle].map((each) => each.name);
