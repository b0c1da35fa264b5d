// What may be configured of sources: places outside the file where operators keep routes and services. Whoever
// can write there is trusted like the file, except with files of this host. Stays in the primary, since
// it holds passwords. Times are milliseconds.

import type { CommonSettings } from "./provider-settings.ts";

export const sourceKinds = ["redis", "hipache", "etcd", "http"] as const;

export type SourceSettings = RedisSettings | HipacheSettings | EtcdSettings | HttpSettings;

/** PEM texts; undefined = the system's authorities, and no certificate of our own. */
export interface TlsTrust {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** How a Redis, or several that are one, are reached. */
export interface RedisServer {
  readonly place:
    | { readonly kind: "tcp"; readonly host: string; readonly port: number }
    | { readonly kind: "unix"; readonly path: string }
    /** Whoever is the master of that name. */
    | { readonly kind: "sentinel"; readonly master: string; readonly nodes: readonly HostPort[] }
    | { readonly kind: "cluster"; readonly nodes: readonly HostPort[] };
  /** undefined = without TLS. */
  readonly tls: TlsTrust | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** 0 for a cluster. */
  readonly database: number;
}

/** Routes and services as JSON, one key each: `PREFIXroutes:NAME`, `PREFIXservices:NAME`, `PREFIXtcpRoutes:NAME`. */
export interface RedisSettings extends CommonSettings {
  readonly kind: "redis";
  readonly server: RedisServer;
  readonly prefix: string;
}

/** The lists of Hipache, as its users and their tools write them. */
export interface HipacheSettings extends CommonSettings {
  readonly kind: "hipache";
  readonly read: RedisServer;
  /** Where dead backends are marked; mostly the same. */
  readonly write: RedisServer;
  readonly prefix: string;
  /** How long a dead backend is left alone, ms; 0 = none is marked. */
  readonly deadTtl: number;
  /** Attempts after the first one. */
  readonly retries: number;
  /** `https://` backends are spoken TLS to, which Hipache never did. */
  readonly tlsBackends: boolean;
}

/** How an etcd is reached, and what is ours there. */
export interface EtcdServer {
  /** Where it is configured: `tidegate.yaml:12:3`. */
  readonly place: string;
  /** `http://HOST:PORT` or `https://HOST:PORT`; all of one cluster. */
  readonly endpoints: readonly string[];
  readonly tls: TlsTrust | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Ends in `/`. */
  readonly prefix: string;
}

/** As Redis's: `PREFIXroutes/NAME`, `PREFIXservices/NAME`, `PREFIXtcpRoutes/NAME`, `PREFIXbackends/SERVICE/ANY`. */
export interface EtcdSettings extends CommonSettings, EtcdServer {
  readonly kind: "etcd";
}

/** A document with `routes`, `services` and `tcpRoutes`, JSON or YAML, fetched again and again. */
export interface HttpSettings extends CommonSettings {
  readonly kind: "http";
  readonly url: string;
  readonly every: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsTrust | undefined;
  /** PEM of an Ed25519 key that the answer's `Signature` field must have been made with; undefined = unsigned. */
  readonly publicKey: string | undefined;
}
