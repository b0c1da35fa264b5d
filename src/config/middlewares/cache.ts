// Settings of `cache`.

import * as z from "zod";
import {
  cacheDisk,
  cacheLockTimeout,
  cacheMaxObject,
  cacheMemory,
  leastCacheDisk,
} from "../cache-limits.ts";
import { isToken, parseKeySource, statuses } from "../http-scalar.ts";
import { duration, durationKey, flag, key, mapping, mustBe, networks } from "../scalar.ts";
import { oneOrMore, parsed, sizeKey } from "../scalar.ts";
import type { KeySource, StatusRange } from "../service.ts";
import { define, places } from "./definition.ts";
import type { CachedQuery, CacheUse } from "./uses/cache.ts";

const year = 365 * 86_400_000;

const fieldName = parsed({ what: "a header name", remedy: "write X-Language" }, (value, refuse) =>
  isToken(value) ? value.toLowerCase() : refuse(`${JSON.stringify(value)} is not a header name`),
);
const fieldNames = oneOrMore(fieldName, { what: "a header name, or a list of them" });

const cookieNames = z.array(
  parsed({ what: "the name of a cookie" }, (value, refuse) =>
    isToken(value) ? value : refuse(`${JSON.stringify(value)} is not the name of a cookie`),
  ),
  { error: mustBe({ what: "a list of names of cookies", remedy: "write [language], or []" }) },
);

const parameters = oneOrMore(
  parsed({ what: "the name of a parameter" }, (value, refuse) =>
    /^[\w.~\-[\]]+\*?$/.test(value)
      ? value
      : refuse(`${JSON.stringify(value)} is not the name of a parameter`, "write utm_* or page"),
  ),
  { what: "a name of a parameter, or a list of them" },
);

const query = z.union(
  [
    z.literal(["all", "none"]),
    mapping({
      only: key(parameters, "These are part of the key, and sent; no others are."),
      without: key(parameters, "All but these."),
    }).refine((value) => (value.only === undefined) !== (value.without === undefined), {
      error: "must have either only or without",
    }),
  ],
  { error: mustBe({ what: "all, none, { only: […] } or { without: […] }" }) },
);

const bypass = oneOrMore(
  parsed({ what: "header:NAME, cookie:NAME or query:NAME" }, (value, refuse) =>
    parseKeySource(value, { plain: [], named: ["header", "cookie", "query"] }, refuse),
  ),
  { what: "header:NAME, cookie:NAME or query:NAME, or a list of them" },
);

const disk = z.union(
  [
    z.boolean(),
    mapping({
      size: sizeKey("For all caches; of several the largest counts.", cacheDisk, leastCacheDisk),
    }),
  ],
  { error: mustBe({ what: "true, false or a mapping", remedy: "write disk: { size: 1GiB }" }) },
);

const settings = z.union(
  [
    z.literal(true).transform((): Written => ({})),
    mapping({
      ttl: durationKey("How long answers are fresh that say nothing of it; 0 = not kept.", 0),
      statuses: key(statuses(200), "Statuses that `ttl` is for.", ["200", "203", "301", "308"]),
      negative: durationKey("The same for 404 and 410.", 0),
      key: key(
        mapping({
          query: key(query, "Which parameters of the query count.", "all"),
          headers: key(fieldNames, "Request fields that count, besides what Vary names."),
          cookies: key(cookieNames, "Cookies that count; no others reach the backend."),
        }),
        "What makes two requests the same.",
      ),
      harmless: key(fieldNames, "Request fields without effect on answers."),
      bypass: key(bypass, "Requests with one of these go past the cache."),
      obey: key(flag(), "Obeys Cache-Control of requests.", false),
      maxObject: sizeKey("The largest answer that is kept.", cacheMaxObject, 1024),
      memory: sizeKey("Of each worker, for all caches; the largest counts.", cacheMemory, 1 << 20),
      disk: key(disk, "Keeps answers on disk too, in the state folder.", false),
      stale: key(
        mapping({
          whileRevalidate: key(duration(0, year), "Given while a new one is asked for.", "0"),
          ifError: key(duration(0, year), "Given where the backend fails.", "0"),
        }),
        "How long after their freshness answers are used, where they do not say so themselves.",
      ),
      earlyRefresh: key(flag(), "Asks again shortly before an answer is stale.", false),
      storeSetCookie: key(
        z.literal(["never", "strip"], { error: mustBe({ what: "never or strip" }) }),
        "strip keeps answers that set cookies, without them.",
        "never",
      ),
      targeted: key(fieldNames, "Fields that count instead of Cache-Control.", "CDN-Cache-Control"),
      tags: key(fieldNames, "Fields of answers that name tags.", ["Cache-Tag", "Surrogate-Key"]),
      status: key(flag(), "Tells clients by Cache-Status.", true),
      purge: key(networks(), "Who may send PURGE."),
      lockTimeout: durationKey("How long others wait for who asks.", cacheLockTimeout, 100),
    }),
  ],
  { error: mustBe({ what: "true or a mapping", remedy: "write cache: true" }) },
);

export interface Written {
  readonly ttl?: number | undefined;
  readonly statuses?: readonly StatusRange[] | undefined;
  readonly negative?: number | undefined;
  readonly key?:
    | {
        readonly query?: WrittenQuery | undefined;
        readonly headers?: readonly string[] | undefined;
        readonly cookies?: readonly string[] | undefined;
      }
    | undefined;
  readonly harmless?: readonly string[] | undefined;
  readonly bypass?: readonly KeySource[] | undefined;
  readonly obey?: boolean | undefined;
  readonly maxObject?: number | undefined;
  readonly memory?: number | undefined;
  readonly disk?: boolean | { readonly size?: number | undefined } | undefined;
  readonly stale?:
    | { readonly whileRevalidate?: number | undefined; readonly ifError?: number | undefined }
    | undefined;
  readonly earlyRefresh?: boolean | undefined;
  readonly storeSetCookie?: "never" | "strip" | undefined;
  readonly targeted?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly status?: boolean | undefined;
  readonly purge?: readonly string[] | undefined;
  readonly lockTimeout?: number | undefined;
}

type WrittenQuery =
  | "all"
  | "none"
  | {
      readonly only?: readonly string[] | undefined;
      readonly without?: readonly string[] | undefined;
    };

export const cache = define({
  kind: "cache",
  summary:
    "Keeps answers and gives them again (RFC 9111), asking the backend once for all who wait.",
  settings,
  place: places.cache,
  // Who may purge, and how much memory and disk there is, is the operator's to say.
  guarded: [["purge"], ["memory"], ["disk"]],
  resolve(written: Written): CacheUse {
    return {
      kind: "cache",
      ttl: written.ttl ?? 0,
      statuses: written.statuses ?? [
        [200, 200],
        [203, 203],
        [301, 301],
        [308, 308],
      ],
      negative: written.negative ?? 0,
      query: queryOf(written.key?.query),
      headers: (written.key?.headers ?? []).toSorted(),
      cookies: written.key?.cookies?.toSorted(),
      harmless: written.harmless ?? [],
      bypass: (written.bypass ?? []).flatMap((each) => ("name" in each ? [each] : [])),
      obey: written.obey ?? false,
      maxObject: written.maxObject ?? cacheMaxObject,
      memory: written.memory ?? cacheMemory,
      disk: diskOf(written.disk),
      staleWhileRevalidate: written.stale?.whileRevalidate ?? 0,
      staleIfError: written.stale?.ifError ?? 0,
      earlyRefresh: written.earlyRefresh ?? false,
      stripSetCookie: written.storeSetCookie === "strip",
      targeted: written.targeted ?? ["cdn-cache-control"],
      tagFields: written.tags ?? ["cache-tag", "surrogate-key"],
      status: written.status ?? true,
      purge: written.purge ?? [],
      lockTimeout: written.lockTimeout ?? cacheLockTimeout,
    };
  },
});

function diskOf(written: Written["disk"]): number {
  if (written === undefined || written === false) return 0;
  return written === true ? cacheDisk : (written.size ?? cacheDisk);
}

function queryOf(written: WrittenQuery | undefined): CachedQuery {
  if (written === undefined || written === "all") return { keep: "all", names: [] };
  if (written === "none") return { keep: "only", names: [] };
  const { only, without } = written;
  return only === undefined
    ? { keep: "without", names: without ?? [] }
    : { keep: "only", names: only };
}
