// Sources that read a Redis of a test, followed by it without the rest of the program.

import type {
  HipacheSettings,
  RedisServer,
  RedisSettings,
} from "../../src/config/source-settings.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "../../src/config/limits.ts";
import type { LogRecord } from "../../src/lib/log.ts";
import { hipacheSource } from "../../src/providers/hipache/hipache.ts";
import { kept } from "../../src/providers/kept.ts";
import type { Gathered } from "../../src/providers/provider.ts";
import { redisSource } from "../../src/providers/redis/redis.ts";
import { type Followed, follow } from "./followed.ts";

export type ServerLike = { readonly [Key in keyof RedisServer]?: RedisServer[Key] };

export function serverAt(port: number, rest: ServerLike = {}): RedisServer {
  const place = { kind: "tcp", host: "127.0.0.1", port } as const;
  const nobody = { tls: undefined, username: undefined, password: undefined, database: 0 };
  return { place, ...nobody, ...rest };
}

const common = {
  place: "test.yaml:1:1",
  hosts: undefined,
  defaults: {
    timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
    maxBody: 0,
    tcpListeners: [],
  },
};

export function redisSettings(server: RedisServer, rest: Partial<RedisSettings> = {}) {
  const settings: RedisSettings = {
    ...common,
    kind: "redis",
    name: "redis",
    server,
    prefix: "tidegate:",
    ...rest,
  };
  return settings;
}

export function hipacheSettings(server: RedisServer, rest: Partial<HipacheSettings> = {}) {
  const settings: HipacheSettings = {
    ...common,
    kind: "hipache",
    name: "hipache",
    read: server,
    write: server,
    prefix: "",
    deadTtl: 30_000,
    retries: 3,
    tlsBackends: false,
    ...rest,
  };
  return settings;
}

export interface Lines {
  readonly lines: readonly Pick<LogRecord, "level" | "text" | "fields">[];
  readonly log: Record<"debug" | "info" | "warn" | "error", (text: string, fields?: {}) => void>;
}

export function logged(): Lines {
  const lines: Pick<LogRecord, "level" | "text" | "fields">[] = [];
  const at =
    (level: LogRecord["level"]) =>
    (text: string, fields: {} = {}) => {
      lines.push({ level, text, fields });
    };
  return {
    lines,
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}

export interface FollowedSource extends Followed<Gathered>, Lines {
  readonly tellDead: (service: string, backend: string) => void;
  /** What it said when it failed. */
  readonly troubles: readonly string[];
}

/** @param isKept started again when it fails, as the program does */
export function followSource(
  settings: RedisSettings | HipacheSettings,
  isKept = false,
): FollowedSource {
  const { lines, log } = logged();
  const source =
    settings.kind === "redis" ? redisSource(settings, { log }) : hipacheSource(settings, { log });
  const troubles: string[] = [];
  const lasting = kept(source, {
    log,
    restart: { first: 50, longest: 200, forgottenAfter: 60_000 },
    onTrouble: (message) => void (message !== undefined && troubles.push(message)),
  });
  const followed = follow((signal) => (isKept ? lasting : source).catalogs(signal));
  return Object.assign(followed, {
    lines,
    log,
    troubles,
    tellDead: (service: string, backend: string) =>
      source.tellDead?.({ service, backend, until: Date.now() + 30_000 }),
  });
}

/** Names of routes without the provider's. */
export function routesOf({ collection }: Gathered): string[] {
  return collection.routes.map(({ name }) => name.replace(/@.*$/, ""));
}

/** What people are told, a line each. */
export function notesOf({ findings }: Gathered): string[] {
  return findings.flatMap(({ name, notes }) =>
    notes.map(({ about, message }) => [name, about, message].filter((x) => x !== "").join(": ")),
  );
}
