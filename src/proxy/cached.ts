// One exchange of a route with a cache: given at once, given stale while a new one is asked for, or fetched together with all
// who wait for the same. Which of these it is, is decided here; what may be kept, in `src/cache/policy.ts`.

import { keyOf, type Keyed } from "../cache/key.ts";
import { isForCache, isKnownClient, wants } from "../cache/request.ts";
import { passedOn, type Found, type RouteCache } from "../cache/route-cache.ts";
import { ageOf, type Stored } from "../cache/stored.ts";
import type { Exchange } from "../http/exchange.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import type { Caches } from "./caches.ts";
import { CacheMiss } from "./cache-miss.ts";
import type { CacheContext } from "./cache-context.ts";
import { fail } from "./fail.ts";
import type { Plan } from "./plan.ts";
import { isPurge, purgeByRequest } from "./purge-request.ts";
import { Search } from "./search.ts";
import { giveStored } from "./stored-answer.ts";

/** Answers it, has it fetched, or hands it on to its backend. */
export function serveCached(
  exchange: Exchange<Plan>,
  plan: Plan,
  cache: RouteCache,
  context: CacheContext,
): void {
  const { loading } = cache;
  if (loading !== undefined) {
    const loaded = loading.then(
      () => true,
      () => false,
    );
    Search.begin(exchange, loaded, (isLoaded) => {
      if (isLoaded) serveCached(exchange, plan, cache, context);
      else context.pass(exchange, plan);
    });
    return;
  }
  const { use } = cache;
  if (isPurge(exchange, use)) {
    purgeByRequest(exchange, cache, context.caches);
    return;
  }
  const keyed = isForCache(use, exchange) ? keyedOf(cache, exchange) : undefined;
  if (keyed === undefined) {
    cache.counts.passed++;
    context.pass(exchange, plan);
    return;
  }
  new CachedExchange(exchange, plan, cache, keyed, context).look();
}

/** What an exchange asks for, as it is kept. */
function keyedOf({ use }: RouteCache, exchange: Exchange): Keyed | undefined {
  const { fields } = exchange.request;
  const seen = use.headers.length === 0 ? fields : passedOn(fields);
  return keyOf(use, exchange, seen, isSecure(exchange));
}

/** An exchange may look twice: what it waited for turned out to be another variant. */
const mostLooks = 3;

export class CachedExchange {
  readonly exchange: Exchange<Plan>;
  readonly plan: Plan;
  readonly cache: RouteCache;
  readonly keyed: Keyed;
  readonly #context: CacheContext;
  #looks = 0;
  /** It was looked for on disk, and was or was not there. */
  #onDisk: boolean | undefined;

  constructor(
    exchange: Exchange<Plan>,
    plan: Plan,
    cache: RouteCache,
    keyed: Keyed,
    context: CacheContext,
  ) {
    this.exchange = exchange;
    this.plan = plan;
    this.cache = cache;
    this.keyed = keyed;
    this.#context = context;
  }

  look(): void {
    const { cache, exchange, keyed } = this;
    const now = Date.now();
    const found = cache.find(keyed, exchange, now);
    const wanted = wants(cache.use, exchange);
    const { stored } = found;
    if (stored === undefined && this.#seekOnDisk(found)) return;
    const mayHave = stored !== undefined && this.#mayHave(stored);
    if (mayHave && wanted !== "new" && this.#give(stored, found, now)) return;
    if (wanted === "old") {
      fail(exchange, "NOT_CACHED", this.plan.errorPages);
      return;
    }
    // Nor is its backend asked whether that is still so: it would say it of an answer to this client.
    this.#miss(mayHave ? found : { ...found, stored: undefined });
  }

  /** False: there is nothing to look for there, or it was looked for already. */
  #seekOnDisk(found: Found): boolean {
    const { exchange, cache, keyed } = this;
    // Another worker has looked before it asked. And what is on its way is newer than what could be there.
    if (cache.use.disk === 0 || this.#onDisk !== undefined || exchange.isFromPeer) return false;
    const { fills } = this.#context;
    const key = this.fillKey(found);
    if (fills.has(key) || fills.isUnshared(key)) return false;
    const loading = cache.load(keyed, exchange);
    if (loading === undefined) return false;
    Search.begin(exchange, loading, (isThere) => {
      this.#onDisk = isThere;
      this.look();
    });
    return true;
  }

  /** Whoever has the same waits for the same. Several routes may have one URL, and other backends. */
  fillKey({ variant }: Found): string {
    return `${this.plan.name}\n${this.keyed.key}${variant === "" ? "" : `\n${variant}`}`;
  }

  #mayHave({ isPublic }: Stored): boolean {
    return isPublic || !isKnownClient(this.cache.use, this.exchange);
  }

  /** False: it is too old. */
  #give(stored: Stored, found: Found, now: number): boolean {
    const { cache, keyed } = this;
    if (stored.freshUntil > now) {
      if (cache.use.earlyRefresh && isDue(stored, now)) this.#refresh(found);
      this.giveKept(stored, now);
      return true;
    }
    // Another worker decides that by itself.
    if (this.exchange.isFromPeer) return false;
    const isFailing = stored.ifErrorUntil > now && cache.hasFailed(keyed.key, now);
    if (!isFailing && stored.whileRevalidateUntil <= now) return false;
    if (!isFailing) this.#refresh(found);
    this.giveKept(stored, now);
    return true;
  }

  giveKept(stored: Stored, now: number): void {
    const { cache } = this;
    const left = Math.floor((stored.freshUntil - now) / 1000);
    cache.counts.hits++;
    if (left < 0) cache.counts.stale++;
    let more = `Age: ${ageOf(stored, now)}\r\n`;
    if (this.exchange.isFromPeer) more += this.#tagLine(stored);
    else if (cache.use.status) more += this.#statusLine(left);
    giveStored(this.exchange, stored, more);
  }

  #statusLine(left: number): string {
    const detail = this.#onDisk === true ? "; detail=disk" : "";
    return `Cache-Status: Tidegate; hit; ttl=${left}${detail}\r\n`;
  }

  /** Another worker keeps it too, and takes it out by its tags. */
  #tagLine({ tags }: Stored): string {
    const [name] = this.cache.use.tagFields;
    return tags.length === 0 || name === undefined ? "" : `${name}: ${tags.join(" ")}\r\n`;
  }

  #refresh(found: Found): void {
    new CacheMiss(this, found, this.#context).refresh();
  }

  #miss(found: Found): void {
    const { exchange, cache } = this;
    this.#looks++;
    const { fields } = exchange.request;
    // Of what is not there, a part is quicker had than all of it; and a HEAD brings nothing that could be kept.
    const isPart = fields.get("range") !== undefined && found.stored === undefined;
    if (isPart || exchange.method === "HEAD" || this.#looks > mostLooks) {
      this.passOn();
      return;
    }
    cache.counts.misses++;
    new CacheMiss(this, found, this.#context).fetch();
  }

  /** To the backend, as if there were no cache. */
  passOn(): void {
    this.cache.counts.passed++;
    this.#context.pass(this.exchange, this.plan);
  }
}

/**
 * Whether this one asks for a new answer before the old one is stale: the later, and the longer it takes, the likelier (Vattani and
 * others, "Optimal Probabilistic Cache Stampede Prevention", 2015).
 */
function isDue({ freshUntil, tookMs }: Stored, now: number): boolean {
  return now - Math.max(1, tookMs) * Math.log(Math.random()) >= freshUntil;
}

/**
 * Somebody changed something: what is kept of it goes (RFC 9111 section 4.4), in all workers. Of this URL alone: what an answer names
 * besides could be used to empty a cache of things that are another's.
 */
export function invalidate(exchange: Exchange, cache: RouteCache, caches: Caches): void {
  const { method, status } = exchange;
  if (method === "GET" || method === "HEAD" || safe.has(method)) return;
  if (status < 200 || status > 399 || exchange.failure !== undefined) return;
  const keyed = keyedOf(cache, exchange);
  // Whoever asks next finds it nowhere, though the disk takes a moment.
  if (keyed !== undefined) void caches.purge({ kind: "url", value: keyed.url, owner: cache.owner });
}

const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PURGE"]);
