// What may be configured of providers: which daemons and folders are looked at, and what those who are found
// there may ask for. Plain data, every default filled in; stays in the primary. Times are milliseconds.

import type { Listed } from "./middlewares/use.ts";
import type { ClientTimeouts, ExchangeTimeouts } from "./snapshot.ts";
import type { SourceSettings } from "./source-settings.ts";

/** Where things run, and say by labels what is routed. */
export const platformKinds = ["docker", "podman", "lxc", "incus", "lxd", "libvirt"] as const;

export type PlatformSettings = DockerSettings | LxcSettings | IncusSettings | LibvirtSettings;

export type ProviderSettings = PlatformSettings | SourceSettings;

export function isPlatform(settings: ProviderSettings): settings is PlatformSettings {
  return platformKinds.some((kind) => kind === settings.kind);
}

/** Ways of saying what should be routed; see `docs/guide/labels.md`. */
export const dialects = ["tidegate", "traefik", "nginx-proxy", "caddy", "hostname"] as const;
export type Dialect = (typeof dialects)[number];

/** Of each provider. */
export interface CommonSettings {
  /** Unique. Services found are called `NAME@` and this. */
  readonly name: string;
  /** Where it is configured, for messages. */
  readonly place: string;
  /** Hosts that may be claimed: names, and `*.name` for all below; undefined = any. */
  readonly hosts: readonly string[] | undefined;
  /** What the rest of the file grants routes that do not say otherwise. */
  readonly defaults: RouteDefaults;
}

/** Of platforms. What is found there is not trusted: labels are written by tenants. */
export interface DiscoverySettings extends CommonSettings {
  /** Who shares a host name, or is refused it: projects, single containers, or all of this provider as one. */
  readonly owner: "project" | "instance" | "provider";
  readonly dialects: readonly Dialect[];
  /** Host, with or without a path, of those who ask for none: `{name}.example.com`; undefined = not routed. */
  readonly defaultHost: string | undefined;
  /** Where they listen when nobody says so; undefined = it must be said, or be the only port. */
  readonly port: number | undefined;
  /** Those who ask for it are started when a request comes, and stopped when none does. */
  readonly mayStart: boolean;
}

export interface RouteDefaults {
  readonly timeouts: ClientTimeouts & ExchangeTimeouts;
  readonly maxBody: number;
  /** TCP listeners, for routes of streams. */
  readonly tcpListeners: readonly string[];
  /** Where https is spoken, if not at its usual port. */
  readonly securePort?: number;
  /** Sets of middlewares by name, which are `NAME@file` elsewhere. */
  readonly sets?: Readonly<Record<string, readonly Listed[]>>;
}

export interface DockerSettings extends DiscoverySettings {
  readonly kind: "docker" | "podman";
  readonly endpoint: Endpoint;
  /** Name of the network to use, where a container has several; undefined = the first that we share. */
  readonly network: string | undefined;
  /** Host to reach published ports at; undefined = the address they are published on. */
  readonly publishedHost: string | undefined;
  /** false: only containers that say `tidegate.enable=true`, or the like of it in their dialect. */
  readonly exposedByDefault: boolean;
}

export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly host: string;
      readonly port: number;
      /** PEM texts; undefined = without TLS. */
      readonly tls:
        | {
            readonly ca: string | undefined;
            readonly certificate: string | undefined;
            readonly key: string | undefined;
          }
        | undefined;
    };

export interface LxcSettings extends DiscoverySettings {
  readonly kind: "lxc";
  /** Folders with a folder for each container. */
  readonly paths: readonly string[];
  /** undefined = off. */
  readonly byAddress: ByAddress | undefined;
}

/** The container whose IPv6 address the AAAA record of the requested host is: as vm-http-proxy finds it. */
export interface ByAddress {
  /** Applied in order to the name that is looked up; the Host header stays. */
  readonly rewrites: readonly NameRewrite[];
  /** On this host the first segment of the path is the name, and is taken away; undefined = nowhere. */
  readonly nameInPathOf: string | undefined;
}

/** What the service of `byAddress` is called. */
export function addressedName(provider: string): string {
  return `by-address@${provider}`;
}

export type NameRewrite =
  | { readonly kind: "exact"; readonly from: string; readonly to: string }
  /** A JavaScript regular expression; `to` with $1, $2 … */
  | {
      readonly kind: "pattern";
      readonly pattern: string;
      readonly flags: string;
      readonly to: string;
    };

export interface IncusSettings extends DiscoverySettings {
  readonly kind: "incus" | "lxd";
  /** Path of the daemon's unix socket. */
  readonly socket: string;
  /** undefined = all that can be seen. */
  readonly projects: readonly string[] | undefined;
}

export interface LibvirtSettings extends DiscoverySettings {
  readonly kind: "libvirt";
  /** `qemu:///system`, `lxc:///system`, … */
  readonly uris: readonly string[];
}
