// A container as a provider would tell of it, and settings of a provider, for tests of what becomes of them.

import { defaultClientTimeouts, defaultExchangeTimeouts } from "../../src/config/limits.ts";
import type { DiscoverySettings } from "../../src/config/provider-settings.ts";
import type { Workload } from "../../src/providers/workload.ts";

export function workloadOf(given: Partial<Workload> & { readonly name: string }): Workload {
  return {
    platform: "docker",
    id: `${given.name}-0123456789abcdef`,
    project: undefined,
    role: undefined,
    hostName: "",
    state: "running",
    health: "none",
    createdAt: 1000,
    addresses: [{ ip: "172.18.0.2", network: "web" }],
    exposed: [{ port: 80, protocol: "tcp" }],
    published: [],
    labels: {},
    env: {},
    trouble: undefined,
    ...given,
  };
}

export function discoverySettings(given: Partial<DiscoverySettings> = {}): DiscoverySettings {
  return {
    name: "docker",
    place: "tidegate.yaml:1:1",
    hosts: undefined,
    owner: "project",
    dialects: ["tidegate", "traefik", "nginx-proxy", "caddy", "hostname"],
    defaultHost: undefined,
    port: undefined,
    mayStart: false,
    defaults: {
      timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
      maxBody: 0,
      tcpListeners: ["db"],
    },
    ...given,
  };
}
