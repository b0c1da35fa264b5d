// Where Hipache keeps its frontends: `driver`, a URL or [READ, WRITE], or the older keys for a Redis. Passwords stand in
// all of them, and no note repeats one.

import { isIPv6 } from "node:net";
import { parseRedisUrl } from "../../config/redis-url.ts";
import { type Draft, fieldOf, numberOf, textOf } from "./draft.ts";

/** As `providers.hipache.redis` says it. */
export function redisOf(root: unknown, draft: Draft): string | readonly string[] {
  const urls = (drivers(root, draft) ?? older(root)).map((url) => usable(url, draft));
  const [first = usual, ...others] = urls;
  const last = others.at(-1);
  return last === undefined ? first : [first, last];
}

const usual = "redis://127.0.0.1:6379";

function drivers(root: unknown, draft: Draft): readonly string[] | undefined {
  const driver = fieldOf(root, "driver");
  if (driver === undefined || driver === null) return undefined;
  const all: readonly unknown[] = Array.isArray(driver) ? driver : [driver];
  const urls = all.flatMap((each) => textOf(each) ?? []);
  if (urls.length === all.length && urls.length > 0) return urls;
  draft.note("error", "driver", "must be a URL or a list of URLs", `write ${usual}`);
  return [usual];
}

/** What is none of a Redis is told of, and is a reason not to start. */
function usable(url: string, draft: Draft): string {
  const scheme = /^([a-z+]+):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  const other = others.get(scheme.replace(/s$/, ""));
  if (other !== undefined) {
    const message = `${other} is not read, so that there would be nothing to serve`;
    const remedy =
      "put its frontends into a Redis with RPUSH frontend:HOST, or make routes of them in tidegate.yaml";
    draft.note("error", "driver", message, remedy);
    return usual;
  }
  let why = "";
  const refuse = (message: string, remedy?: string) => {
    why = remedy === undefined ? message : `${message}; ${remedy}`;
    return undefined;
  };
  if (parseRedisUrl(url, refuse) === undefined) {
    draft.note("error", "driver", why);
    return usual;
  }
  if (scheme === "rediss") {
    draft.note("note", "driver", "rediss:// is spoken in TLS, and was spoken plain by Hipache");
  }
  return url;
}

/** Without the `s` that Hipache takes from the end. */
const others: ReadonlyMap<string, string> = new Map([
  ["etcd", "etcd with Hipache's layout (its v2 API)"],
  ["memcached", "memcached"],
  ["zookeeper", "ZooKeeper"],
]);

function older(root: unknown): readonly string[] {
  const keys = (prefix: string) => ({
    host: fieldOf(root, `${prefix}Host`),
    port: fieldOf(root, `${prefix}Port`),
    password: fieldOf(root, `${prefix}Password`),
    database: fieldOf(root, `${prefix}Database`),
  });
  const nested = fieldOf(root, "redis");
  const slave = urlOf(keys("redis")) ?? urlOf(partsOf(nested)) ?? usual;
  const master = urlOf(keys("redisMaster"));
  return master === undefined ? [slave] : [slave, master];
}

interface Parts {
  readonly host: unknown;
  readonly port: unknown;
  readonly password: unknown;
  readonly database: unknown;
}

function partsOf(value: unknown): Parts {
  return {
    host: fieldOf(value, "host"),
    port: fieldOf(value, "port"),
    password: fieldOf(value, "password"),
    database: fieldOf(value, "database"),
  };
}

/** undefined = none of it is said. */
function urlOf(parts: Parts): string | undefined {
  if (Object.values(parts).every((each) => each === undefined)) return undefined;
  const host = textOf(parts.host) ?? "127.0.0.1";
  const port = numberOf(parts.port) ?? 6379;
  const password = textOf(parts.password);
  const user = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const database = numberOf(parts.database) ?? 0;
  return `redis://${user}${isIPv6(host) ? `[${host}]` : host}:${port}${database > 0 ? `/${database}` : ""}`;
}
