// From what was written of sources under `providers` to settings that are complete: passwords and certificates
// read from their files, and what two keys say held against each other. Names no password.

import { createPublicKey } from "node:crypto";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { maxPemBytes } from "./limits.ts";
import { authoritiesOf, pairOf, textOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import { hipacheUsual, httpSource } from "./provider-limits.ts";
import type { CommonSettings, RouteDefaults } from "./provider-settings.ts";
import type { RedisUrl } from "./redis-url.ts";
import type { EtcdServer, EtcdSettings, HipacheSettings, HttpSettings } from "./source-settings.ts";
import type { RedisServer, RedisSettings, SourceSettings, TlsTrust } from "./source-settings.ts";
import type { EtcdConnectionInput, EtcdInput, HipacheInput, HttpInput } from "./sources-schema.ts";
import type { RedisConnectionInput, RedisInput } from "./sources-schema.ts";
import type { SourceKind, SourcesInput } from "./sources-schema.ts";

const usualRedis: RedisUrl = {
  place: { kind: "tcp", host: "127.0.0.1", port: 6379 },
  isSecure: false,
  username: undefined,
  password: undefined,
  database: 0,
  prefix: undefined,
};

export interface SourceInput {
  readonly name?: string | undefined;
  readonly hosts?: readonly string[] | undefined;
}

/** @param paths where each of this kind is written */
export function resolveSources(
  context: Context,
  kind: SourceKind,
  input: SourcesInput,
  { paths, defaults }: { readonly paths: readonly Path[]; readonly defaults: RouteDefaults },
): SourceSettings[] {
  const each = <Input extends SourceInput, Own>(
    inputs: readonly Input[] = [],
    own: (context: Context, one: Input, path: Path) => Own,
  ) =>
    paths.flatMap((path, index) => {
      const one = inputs[index];
      if (one === undefined) return [];
      return [{ ...commonOf(context, one, { kind, path, defaults }), ...own(context, one, path) }];
    });
  switch (kind) {
    case "redis":
      return each(input.redis, redisOf);
    case "hipache":
      return each(input.hipache, hipacheOf);
    case "etcd":
      return each(input.etcd, etcdOf);
    case "http":
      return each(input.http, httpOf);
  }
}

function commonOf(
  context: Context,
  input: SourceInput,
  { kind, path, defaults }: { kind: string; path: Path; defaults: RouteDefaults },
): CommonSettings {
  return {
    name: input.name ?? kind,
    place: context.originOf(path).place,
    hosts: input.hosts?.includes("*") === true ? undefined : input.hosts,
    defaults,
  };
}

// --- Redis ---------------------------------------------------------------------------------------------

function redisOf(
  context: Context,
  input: RedisInput,
  path: Path,
): Omit<RedisSettings, keyof CommonSettings> {
  if (input.url?.prefix !== undefined) {
    const remedy = "write it as prefix";
    report(context, [...path, "url"], { message: "has a prefix behind #", remedy });
  }
  const server = serverOf(context, input, path);
  return { kind: "redis", server, prefix: input.prefix ?? "tidegate:" };
}

export function serverOf(context: Context, input: RedisConnectionInput, path: Path): RedisServer {
  const { url, sentinel, cluster } = input;
  const ways = (["url", "sentinel", "cluster"] as const).filter((each) => input[each]);
  for (const way of ways.slice(1)) {
    const message = `${ways[0] ?? ""} says where it is already`;
    report(context, [...path, way], { message, remedy: "leave out one of them", at: "key" });
  }
  const isOther = sentinel !== undefined || cluster !== undefined;
  const said = url ?? usualRedis;
  const place: RedisServer["place"] =
    sentinel !== undefined
      ? { kind: "sentinel", ...sentinel }
      : cluster !== undefined
        ? { kind: "cluster", nodes: cluster }
        : said.place;
  if (input.tls !== undefined && place.kind === "unix") {
    const message = "a unix socket is not spoken TLS to";
    report(context, [...path, "tls"], { message, remedy: "leave it out", at: "key" });
  }
  const tls = input.tls ?? (said.isSecure && !isOther ? {} : undefined);
  const user = userOf(context, input, { username: said.username, password: said.password }, path);
  return {
    place,
    tls: tls === undefined ? undefined : tlsOf(context, tls, [...path, "tls"]),
    ...user,
    database: isOther ? 0 : said.database,
  };
}

interface User {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

interface UserInput extends User {
  readonly passwordFile?: string | undefined;
}

/** A password that is written, or in a file, or in a URL. */
export function userOf(context: Context, input: Partial<UserInput>, inUrl: User, path: Path): User {
  const ways = [inUrl.password, input.password, input.passwordFile].filter(
    (each) => each !== undefined,
  );
  if (ways.length > 1) {
    const message = "the password is said more than once";
    report(context, path, { message, remedy: "leave it where it is safest", at: "key" });
  }
  const file = input.passwordFile;
  const password =
    file === undefined ? undefined : passwordIn(context, file, [...path, "passwordFile"]);
  const user = {
    username: input.username ?? inUrl.username,
    password: password ?? input.password ?? inUrl.password,
  };
  if (user.username !== undefined && ways.length === 0) {
    const remedy = "add passwordFile";
    report(context, path, { message: "there is a user and no password", remedy, at: "key" });
  }
  return user;
}

const maxPasswordBytes = 4096;

function passwordIn(context: Context, file: string, path: Path): string | undefined {
  const text = textOf(context, file, path, maxPasswordBytes);
  const password = text?.split(/\r?\n/, 1)[0];
  if (password !== "") return password;
  report(context, path, { message: "has nothing in its first line" });
  return undefined;
}

export interface TlsInput {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export function tlsOf(context: Context, input: TlsInput, path: Path): TlsTrust {
  const { ca, cert, key } = input;
  const authorities = ca === undefined ? undefined : authoritiesOf(context, ca, [...path, "ca"]);
  const noPair = { certificate: undefined, key: undefined };
  if (cert !== undefined && key !== undefined) {
    return { ca: authorities, ...(pairOf(context, { cert, key }, path) ?? noPair) };
  }
  if (cert !== undefined || key !== undefined) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    const message = `${there} says nothing without ${missing}`;
    report(context, path, { message, remedy: `add ${missing}`, at: "key" });
  }
  return { ca: authorities, ...noPair };
}

// --- Hipache -------------------------------------------------------------------------------------------

function hipacheOf(
  context: Context,
  input: HipacheInput,
  path: Path,
): Omit<HipacheSettings, keyof CommonSettings> {
  const { read, write, prefix } = hipacheServers(context, input, path);
  const deadTtl = input.deadBackendTTL ?? hipacheUsual.deadTtl;
  if (deadTtl % 1000 !== 0) {
    // Older versions of Redis have no finer time in EXPIRE, and other readers expect none.
    const message = "must be whole seconds";
    report(context, [...path, "deadBackendTTL"], { message, remedy: "write 30s" });
  }
  if (input.prefix !== undefined && prefix !== undefined) {
    const message = "the URL has a prefix already, behind #";
    report(context, [...path, "prefix"], { message, remedy: "leave out one of them", at: "key" });
  }
  return {
    kind: "hipache",
    read,
    write,
    prefix: input.prefix ?? prefix ?? "",
    deadTtl,
    retries: input.retryOnError ?? hipacheUsual.retries,
    tlsBackends: input.tlsBackends ?? false,
  };
}

interface Servers {
  readonly read: RedisServer;
  readonly write: RedisServer;
  readonly prefix: string | undefined;
}

function hipacheServers(context: Context, { redis }: HipacheInput, path: Path): Servers {
  const at = [...path, "redis"];
  if (redis !== undefined && "mapping" in redis) {
    const server = serverOf(context, redis.mapping, at);
    return { read: server, write: server, prefix: redis.mapping.url?.prefix };
  }
  // The first is read, the last is written, and only the first one's prefix counts.
  const urls = redis?.urls ?? [usualRedis];
  const first = urls[0] ?? usualRedis;
  const read = oldServer(first);
  const write = oldServer(urls.at(-1) ?? first);
  return { read, write: urls.length > 1 ? write : read, prefix: first.prefix };
}

/** Hipache never sent the user, and what stands alone before the @ is a password to it. */
function oldServer({ place, isSecure, username, password, database }: RedisUrl): RedisServer {
  const tls = isSecure ? { ca: undefined, certificate: undefined, key: undefined } : undefined;
  return { place, tls, username: undefined, password: password ?? username, database };
}

// --- etcd ----------------------------------------------------------------------------------------------

function etcdOf(
  context: Context,
  input: EtcdInput,
  path: Path,
): Omit<EtcdSettings, keyof CommonSettings> {
  return {
    kind: "etcd",
    ...etcdServerOf(context, input, path),
    prefix: input.prefix ?? "tidegate/",
  };
}

export function etcdServerOf(
  context: Context,
  input: EtcdConnectionInput,
  path: Path,
): Omit<EtcdServer, "prefix" | "place"> {
  const { endpoints = ["http://127.0.0.1:2379"] } = input;
  const none = { username: undefined, password: undefined };
  const { username, password } = userOf(context, input, none, path);
  if (username === undefined && password !== undefined) {
    const message = "there is a password and no user";
    report(context, path, { message, remedy: "add username", at: "key" });
  }
  const isPlain = endpoints.some((each) => !each.startsWith("https:"));
  if (input.tls !== undefined && isPlain) reportPlain(context, [...path, "tls"]);
  const tls = input.tls === undefined ? undefined : tlsOf(context, input.tls, [...path, "tls"]);
  // Twice the same would be asked twice before anybody says that it is away.
  return { endpoints: [...new Set(endpoints)], username, password, tls };
}

function reportPlain(context: Context, path: Path): void {
  const message = "http:// is not spoken TLS to";
  report(context, path, { message, remedy: "write https://", at: "key" });
}

// --- HTTP ----------------------------------------------------------------------------------------------

function httpOf(
  context: Context,
  input: HttpInput,
  path: Path,
): Omit<HttpSettings, keyof CommonSettings> {
  const { url, every, headers, tls, publicKey } = input;
  if (tls !== undefined && !url.startsWith("https:")) reportPlain(context, [...path, "tls"]);
  return {
    kind: "http",
    url,
    every: every ?? httpSource.every,
    headers: headers ?? {},
    tls: tls === undefined ? undefined : tlsOf(context, tls, [...path, "tls"]),
    publicKey:
      publicKey === undefined ? undefined : publicKeyIn(context, publicKey, [...path, "publicKey"]),
  };
}

/** undefined after it reported a problem. */
function publicKeyIn(context: Context, file: string, path: Path): string | undefined {
  const pem = textOf(context, file, path, maxPemBytes);
  if (pem === undefined) return undefined;
  const remedy = "make one with: openssl pkey -in PRIVATE.pem -pubout";
  if (pem.includes("PRIVATE KEY-----")) {
    const message = "holds a private key, which belongs to whoever signs";
    report(context, path, { message, remedy });
    return undefined;
  }
  try {
    if (createPublicKey(pem).asymmetricKeyType === "ed25519") return pem;
    report(context, path, { message: "is not a key of Ed25519", remedy });
  } catch {
    report(context, path, { message: "holds no public key in PEM", remedy });
  }
  return undefined;
}
