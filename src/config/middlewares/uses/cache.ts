// The cache of a route, as the snapshot holds it.

/** A part of a request, by its name: in lower case where it is a field. */
export interface RequestPart {
  readonly from: "header" | "cookie" | "query";
  readonly name: string;
}

/** Which parameters of the query are part of the key. What is not is not sent to the backend either. */
export interface CachedQuery {
  /** `only` none of these = no query at all. */
  readonly keep: "all" | "only" | "without";
  /** A * at its end stands for anything. */
  readonly names: readonly string[];
}

export interface CacheUse {
  readonly kind: "cache";
  /** Freshness of answers that say nothing of it, ms; 0 = they are not kept. */
  readonly ttl: number;
  /** Statuses that it is for. */
  readonly statuses: readonly (readonly [from: number, to: number])[];
  /** The same for 404 and 410. */
  readonly negative: number;
  readonly query: CachedQuery;
  /** Request fields that are part of the key, in lower case. */
  readonly headers: readonly string[];
  /** Cookies that are, and no others are sent to the backend; undefined = requests with cookies are not for the cache. */
  readonly cookies: readonly string[] | undefined;
  /** Request fields without effect on answers, in lower case. */
  readonly harmless: readonly string[];
  /** Requests with one of these go past the cache. */
  readonly bypass: readonly RequestPart[];
  /** Cache-Control of requests is obeyed. */
  readonly obey: boolean;
  /** Bytes. */
  readonly maxObject: number;
  readonly memory: number;
  /** Bytes on disk for the caches of all routes; 0 = this one has none there. */
  readonly disk: number;
  /** ms; used where an answer does not say otherwise. */
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  /** Whether answers are asked for again shortly before they are stale. */
  readonly earlyRefresh: boolean;
  /** Answers that set cookies are kept without them. */
  readonly stripSetCookie: boolean;
  /** Fields that say what Cache-Control says, for caches like this one; the first that is there counts. */
  readonly targeted: readonly string[];
  /** Fields that name tags, in lower case. */
  readonly tagFields: readonly string[];
  /** Cache-Status is told to clients. */
  readonly status: boolean;
  /** Networks that may PURGE. */
  readonly purge: readonly string[];
  /** ms. */
  readonly lockTimeout: number;
}
