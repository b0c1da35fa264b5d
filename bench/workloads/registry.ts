// All workloads by name, and those that run when none is named: the figures the project promises.

import { idle } from "./idle.ts";
import { routes } from "./routes.ts";
import { routing } from "./routing.ts";
import { tcp, tcpConnections } from "./tcp.ts";
import { connections, large, medium, small, smoke } from "./throughput.ts";
import { workers } from "./workers.ts";
import type { Workload } from "./workload.ts";

const all = [
  small,
  medium,
  large,
  connections,
  routes,
  idle,
  routing,
  workers,
  tcp,
  tcpConnections,
  smoke,
];

export const workloads: ReadonlyMap<string, Workload> = new Map(
  all.map((each) => [each.name, each]),
);

export const promised: readonly string[] = [small, medium, routes, idle].map((each) => each.name);
