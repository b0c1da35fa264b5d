// From what was written of the fleet to settings that are complete.

import { hostname } from "node:os";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import type { FleetInput } from "./fleet-schema.ts";
import type { FleetSettings } from "./fleet-settings.ts";
import { fleetLimits } from "./fleet-limits.ts";
import { etcdServerOf } from "./resolve-sources.ts";

export function resolveFleet(
  context: Context,
  input: FleetInput | undefined,
): FleetSettings | undefined {
  if (input === undefined) return undefined;
  const { etcd, prefix = "tidegate-fleet/", node = hostname(), ttl = fleetLimits.ttl } = input;
  const { leastTtl, longestTtl } = fleetLimits;
  if (ttl % 1000 !== 0 || ttl < leastTtl || ttl > longestTtl) {
    const message = `must be whole seconds, from ${leastTtl / 1000}s to ${longestTtl / 60_000}m`;
    report(context, ["fleet", "ttl"], { message, remedy: "write 10s" });
  }
  if (node.includes("/") || node === "") {
    const message = "this host has no name that could be its own here";
    report(context, ["fleet"], { message, remedy: "add node: NAME", at: "key" });
  }
  const { place } = context.originOf(["fleet"]);
  const server = { ...etcdServerOf(context, etcd, ["fleet", "etcd"]), place, prefix };
  return { server, node, ttl };
}
