// Where a Redis is: redis://USER:PASSWORD@HOST:PORT/DATABASE#PREFIX, rediss:// for TLS, unix:///PATH. Read by
// hand, as drivers of old times write it with any part left out (`redis:`, `redis://:7001`, `redis://:pw@:7002/1`),
// which WHATWG URL refuses. No message repeats a part: any of it may be of a password.

import { normaliseHostPattern } from "../lib/host.ts";
import { parsePort } from "./backend-url.ts";
import type { Refuse } from "./scalar.ts";
import type { HostPort, RedisServer } from "./source-settings.ts";

export interface RedisUrl {
  readonly place: Extract<RedisServer["place"], { kind: "tcp" | "unix" }>;
  readonly isSecure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly prefix: string | undefined;
}

export const redisForms =
  "write redis://USER:PASSWORD@HOST:6379/DATABASE, rediss:// for TLS, or unix:///PATH";

export const redisPort = 6379;
export const sentinelPort = 26_379;

/** Redis has 16 unless it is told otherwise; nobody has a million. */
const mostDatabases = 1_000_000;

export function parseRedisUrl(text: string, refuse: Refuse): RedisUrl | undefined {
  if (/[\s\p{Cc}]/u.test(text)) return refuse("has a space or a control in it", redisForms);
  const [, written = "", all = ""] = /^([a-z+]+):(.*)$/is.exec(text) ?? [];
  const scheme = written.toLowerCase();
  if (scheme !== "redis" && scheme !== "rediss" && scheme !== "unix") {
    return refuse("is no URL of a Redis", redisForms);
  }
  const hash = all.indexOf("#");
  const prefix = hash === -1 ? undefined : all.slice(hash + 1);
  const rest = (hash === -1 ? all : all.slice(0, hash)).replace(/^\/\//, "");
  if (prefix?.includes("@") === true && !rest.includes("@")) {
    return refuse("has a # in front of its @", "write one that is of a password as %23");
  }
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? "" : rest.slice(slash);
  const at = authority.lastIndexOf("@");
  const user = parseUser(authority.slice(0, Math.max(0, at)), refuse);
  if (user === undefined) return undefined;
  const host = authority.slice(at + 1);
  if (scheme === "unix") {
    const place = host === "" ? socketOf(path) : undefined;
    if (place === undefined)
      return refuse("names no absolute path", "write unix:///run/redis.sock");
    return { place, isSecure: false, ...user, database: 0, prefix };
  }
  const place = parseHostPort(host, redisPort);
  if (place === undefined) return refuse("has no HOST:PORT that can be read", redisForms);
  const database = databaseOf(path);
  if (database === undefined) {
    return refuse("has something behind HOST:PORT that is not a database", "write /0, or nothing");
  }
  const isSecure = scheme === "rediss";
  return { place: { kind: "tcp", ...place }, isSecure, ...user, database, prefix };
}

/** `HOST:PORT`, either of them left out. IPv6 in brackets. */
export function parseHostPort(text: string, usualPort: number): HostPort | undefined {
  const [, name, digits = ""] = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(text) ?? [];
  if (name === undefined) return undefined;
  const host = name === "" ? "127.0.0.1" : normaliseHostPattern(name);
  const port = digits === "" ? usualPort : parsePort(digits);
  if (host === undefined || host.includes("*") || port === undefined || port === 0) {
    return undefined;
  }
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
}

function parseUser(text: string, refuse: Refuse) {
  const colon = text.indexOf(":");
  const name = decoded(colon === -1 ? text : text.slice(0, colon));
  const password = decoded(colon === -1 ? "" : text.slice(colon + 1));
  if (name === undefined || password === undefined) {
    return refuse(
      "has a percent sign in user or password that stands for itself",
      "write it as %25",
    );
  }
  return {
    username: name === "" ? undefined : name,
    password: password === "" ? undefined : password,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // told of by who asked
  }
}

/** What `sockaddr_un` holds on Linux, without the NUL at its end. */
const longestSocket = 107;

function socketOf(path: string): RedisUrl["place"] | undefined {
  const isFit = path.length > 1 && Buffer.byteLength(path) <= longestSocket;
  return isFit ? { kind: "unix", path } : undefined;
}

function databaseOf(path: string): number | undefined {
  const [, digits] = /^\/?(\d{0,7})$/.exec(path) ?? [];
  const database = digits === undefined ? Number.NaN : Number(digits);
  return database < mostDatabases ? database : undefined;
}
