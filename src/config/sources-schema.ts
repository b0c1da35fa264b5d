// The schema of sources under `providers`: places outside the file where operators keep routes. Passwords stand
// there, so no message repeats what was written. The rest is in `resolve-sources.ts`.

import * as z from "zod";
import { formatDuration } from "../lib/duration.ts";
import { isToken } from "./http-scalar.ts";
import { hipacheUsual, httpSource } from "./provider-limits.ts";
import { hostPattern, providerName } from "./provider-name.ts";
import { parseHostPort, parseRedisUrl, redisPort, sentinelPort } from "./redis-url.ts";
import {
  duration,
  durationKey,
  filePath,
  flag,
  integer,
  joinFault,
  key,
  mapping,
  oneOrMore,
} from "./scalar.ts";
import { secretMapping, secretText } from "./secret-scalar.ts";
import type { SourceSettings } from "./source-settings.ts";

/** Of every source. */
function sourceKeys(kind: SourceSettings["kind"]) {
  return {
    name: key(
      providerName,
      "Name of the provider; routes and services there are called `NAME@` and this. Needed where a kind is listed more than once.",
      kind,
    ),
    hosts: key(
      oneOrMore(hostPattern, { what: "a host or a list of hosts" }),
      'Hosts that routes there may be for; `"*.example.com"` is every name below. Without it: any.',
    ),
  };
}

export const password = key(
  secretText("a password", (value, refuse) =>
    value === "" ? refuse("is empty", "leave it out") : value,
  ),
  "The password; better is `passwordFile`.",
);

export const passwordFile = key(filePath(), "File with the password, in its first line.");

export const username = key(
  secretText("the name of a user", (value, refuse) =>
    value === "" ? refuse("is empty", "leave it out") : value,
  ),
  "The user that the password is of.",
);

export const sourceTls = key(
  secretMapping({
    ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
    cert: key(filePath(), "PEM file with our own certificate."),
    key: key(filePath(), "PEM file with its key."),
  }),
  "Speak TLS. `{}` = with the system's authorities.",
);

/** One, or a list of them; always a list in the end. @param usual what `true` stands for */
function severalSources<Item extends z.ZodType>(
  item: Item,
  { example, usual }: { readonly example: string; readonly usual?: z.output<Item> },
) {
  const what = usual === undefined ? "a mapping" : "true, false, a mapping";
  const error = joinFault(`must be ${what} or a list of mappings`, `write ${example}`);
  const all = z.array(item, { error }).min(1, joinFault("must not be empty"));
  const one = item.transform((each) => [each]);
  if (usual === undefined) return z.union([one, all], { error });
  const switched = flag().transform((isOn): z.output<Item>[] => (isOn ? [usual] : []));
  return z.union([switched, one, all], { error });
}

// --- Redis ---------------------------------------------------------------------------------------------

export const redisUrl = secretText("the URL of a Redis", parseRedisUrl).meta({
  title: "Redis URL",
});

const node = (usualPort: number) =>
  secretText("HOST:PORT", (value, refuse) => {
    const place = value === "" ? undefined : parseHostPort(value, usualPort);
    return place ?? refuse("is not HOST:PORT", `write 10.0.0.5:${usualPort}`);
  });

const nodes = (usualPort: number) => oneOrMore(node(usualPort), { what: "a list of HOST:PORT" });

const connection = {
  url: key(
    redisUrl,
    "Where it is: `redis://`, `rediss://` for TLS, or `unix://`. Without it, and without `sentinel` and `cluster`: `redis://127.0.0.1:6379`.",
  ),
  sentinel: key(
    secretMapping({
      master: secretText("the name of a master", (value, refuse) =>
        value === "" ? refuse("is empty") : value,
      ).meta({ description: "Name of the master, as the sentinels know it." }),
      nodes: nodes(sentinelPort).meta({ description: "Sentinels to ask, `HOST:PORT`." }),
    }),
    "Instead of `url`: sentinels that know who is the master.",
  ),
  cluster: key(nodes(redisPort), "Instead of `url`: some nodes of a cluster, `HOST:PORT`."),
  username,
  password,
  passwordFile,
  tls: sourceTls,
};

const prefix = (kind: "redis" | "hipache", fallback: string) =>
  key(
    secretText("a text", (value, refuse) =>
      value.length > 200 ? refuse("is longer than 200 characters") : value,
    ),
    kind === "redis"
      ? "What all of our keys begin with."
      : "What all of Hipache's keys begin with; `#` in a URL says the same.",
    fallback,
  );

const redis = secretMapping({
  ...sourceKeys("redis"),
  ...connection,
  prefix: prefix("redis", "tidegate:"),
});

// --- Hipache -------------------------------------------------------------------------------------------

const hipacheServers = z
  .union(
    [
      redisUrl.transform((url) => ({ urls: [url] })),
      z
        .array(redisUrl)
        .min(1)
        .transform((urls) => ({ urls })),
      secretMapping(connection).transform((mapping) => ({ mapping })),
    ],
    {
      error: joinFault("must be a URL, [READ, WRITE] or a mapping", "write redis://127.0.0.1:6379"),
    },
  )
  .meta({ title: "Redis URL or mapping" });

const hipache = secretMapping({
  ...sourceKeys("hipache"),
  redis: key(
    hipacheServers,
    "Its Redis: a URL as in its own `driver`, `[READ, WRITE]`, or a mapping with `url`, `sentinel` or `cluster`.",
    "redis://127.0.0.1:6379",
  ),
  prefix: prefix("hipache", ""),
  deadBackendTTL: key(
    duration(),
    "How long a dead backend is left alone, and marked in Redis; whole seconds. 0 = none is marked.",
    formatDuration(hipacheUsual.deadTtl),
  ),
  retryOnError: key(integer(0, 100), "Attempts after the first one.", hipacheUsual.retries),
  tlsBackends: key(
    flag(),
    "Speak TLS to `https://` backends. Hipache spoke plain HTTP to their port, and so do we without it.",
    false,
  ),
});

// --- etcd ----------------------------------------------------------------------------------------------

const etcdForms = "write http://HOST:2379, or https://HOST:2379";

const etcdEndpoint = secretText("a URL", (value, refuse) => {
  const url = /[\s\p{Cc}]/u.test(value) ? null : URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return refuse("is no URL", etcdForms);
  if (url.username !== "" || url.password !== "") {
    return refuse("has a user in it", "write username and passwordFile beside it");
  }
  const isBare = url.pathname === "/" && url.search === "" && url.hash === "";
  return isBare ? url.origin : refuse("has more than host and port", etcdForms);
}).meta({ title: "URL" });

/** How an etcd is reached. */
export const etcdConnection = {
  endpoints: key(
    oneOrMore(etcdEndpoint, { what: "a URL or a list of URLs", remedy: etcdForms }),
    "Members of one cluster; the next one is asked when one is lost.",
    ["http://127.0.0.1:2379"],
  ),
  username,
  password,
  passwordFile,
  tls: sourceTls,
};

/** What our keys in an etcd begin with. */
export function etcdPrefix(usual: string) {
  return key(
    secretText("a text", (value, refuse) => {
      if (value.length > 200) return refuse("is longer than 200 characters");
      return value.endsWith("/") ? value : refuse("does not end in /", `write "${usual}"`);
    }),
    "What all of our keys begin with; ends in `/`.",
    usual,
  );
}

const etcd = secretMapping({
  ...sourceKeys("etcd"),
  ...etcdConnection,
  prefix: etcdPrefix("tidegate/"),
});

// --- HTTP ----------------------------------------------------------------------------------------------

const documentUrl = secretText("a URL", (value, refuse) => {
  const url = /[\s\p{Cc}]/u.test(value) ? null : URL.parse(value);
  const form = "write https://HOST/PATH";
  if (url === null || !/^https?:$/.test(url.protocol)) return refuse("is no URL", form);
  if (url.username !== "" || url.password !== "") {
    return refuse("has a user in it", "write it as a header: Authorization: Basic …");
  }
  url.hash = "";
  return url.href;
}).meta({ title: "URL" });

/** What the request itself decides. */
const ownFields = [
  ...["accept-encoding", "connection", "content-length", "host", "if-modified-since"],
  ...["if-none-match", "te", "trailer", "transfer-encoding", "upgrade"],
];

const documentHeaders = z
  .record(
    z.string(),
    secretText("a text", (value, refuse) =>
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
        ? value
        : refuse("has a line end or another control character in it"),
    ),
    { error: joinFault("must be a mapping of name to value") },
  )
  .superRefine((all, context) => {
    for (const name of Object.keys(all)) {
      const isFree = !ownFields.includes(name.toLowerCase());
      if (isToken(name) && isFree) continue;
      const why = isFree ? "is not the name of a field" : "is set by Tidegate itself";
      context.addIssue({
        code: "custom",
        path: [name],
        message: `${JSON.stringify(name)} ${why}`,
      });
    }
  });

const http = secretMapping({
  ...sourceKeys("http"),
  url: documentUrl.meta({ description: "Of a document with `routes`, `services` and so on." }),
  every: durationKey("How often it is fetched.", httpSource.every, httpSource.leastEvery),
  headers: key(documentHeaders, "Further header fields to send, such as Authorization."),
  tls: sourceTls,
  publicKey: key(
    filePath(),
    "PEM file with an Ed25519 key: only documents signed with its other half are taken.",
  ),
});

// --- all of them ---------------------------------------------------------------------------------------

export const sourceSchemas = {
  redis: key(
    severalSources(redis, { example: "redis: { url: redis://HOST:6379 }", usual: {} }),
    "Routes in Redis, as JSON. `true` for one on this host.",
  ),
  hipache: key(
    severalSources(hipache, { example: "hipache: { redis: redis://HOST:6379 }", usual: {} }),
    "Hipache's Redis. `true` for one on this host.",
  ),
  etcd: key(
    severalSources(etcd, { example: "etcd: { endpoints: [http://HOST:2379] }", usual: {} }),
    "Routes in etcd, as JSON. `true` for one on this host.",
  ),
  http: key(
    severalSources(http, { example: "http: { url: https://HOST/routes.json }" }),
    "Routes in a document, fetched again and again.",
  ),
};

export const sourceKinds = ["redis", "hipache", "etcd", "http"] as const;
export type SourceKind = (typeof sourceKinds)[number];

const sources = mapping(sourceSchemas);
export type SourcesInput = z.output<typeof sources>;
export type RedisInput = z.output<typeof redis>;
export type HipacheInput = z.output<typeof hipache>;
export type EtcdInput = z.output<typeof etcd>;
export type EtcdConnectionInput = Pick<EtcdInput, keyof typeof etcdConnection>;
export type HttpInput = z.output<typeof http>;
/** How a Redis is reached, as written. */
export type RedisConnectionInput = Pick<RedisInput, keyof typeof connection>;
