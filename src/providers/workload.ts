// A container or a virtual machine as every platform tells of it. Providers fill it in, `labels/` reads it.
// Labels and environment were written by whoever made the container: nothing in them is trusted.

import type { GuestPlace } from "../config/guest.ts";

export interface Workload {
  readonly platform: "docker" | "podman" | "lxc" | "incus" | "lxd" | "libvirt";
  /** Stable while it exists. */
  readonly id: string;
  readonly name: string;
  /** What it was started with others as: a compose project, a project of Incus; undefined = by itself. */
  readonly project: string | undefined;
  /** Its role there, which several may have: a compose service. */
  readonly role: string | undefined;
  /** What it calls itself, with its domain; "" = what the platform made up. */
  readonly hostName: string;
  readonly state: "running" | "starting" | "stopping" | "stopped" | "paused";
  /** What it ended with, once it is stopped; undefined = nobody says. */
  readonly exitCode?: number | undefined;
  /** By its own check; `none` = it has none. */
  readonly health: "none" | "starting" | "healthy" | "unhealthy";
  /** Milliseconds since 1970; 0 = unknown. */
  readonly createdAt: number;
  /** IP addresses that we can reach, the best first; empty while it has none. */
  readonly addresses: readonly WorkloadAddress[];
  /** Ports it says it listens on. */
  readonly exposed: readonly WorkloadPort[];
  /** Ports of the machine that lead to it. */
  readonly published: readonly PublishedPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Why it has no address although it runs, a sentence; undefined = nothing is the matter. */
  readonly trouble: string | undefined;
  /** Where its files are; left out = nobody can tell, as it does not run. */
  readonly guest?: GuestPlace;
  /** Another one of the platform is meant by its name: what this one says must not lead to that one's files. */
  readonly isNamesake?: true;
}

export interface WorkloadAddress {
  /** IPv4 or IPv6, without brackets. */
  readonly ip: string;
  /** Name of the network it is on; "" where networks have none. */
  readonly network: string;
}

export interface WorkloadPort {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
}

export interface PublishedPort extends WorkloadPort {
  /** Where the machine listens, an IP that we can connect to. */
  readonly hostIp: string;
  readonly hostPort: number;
}
