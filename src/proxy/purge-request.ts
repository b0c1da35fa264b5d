// `PURGE` of clients that may: the URL it names, or the tags of its Cache-Tag field, in all workers.

import type { RouteCache } from "../cache/route-cache.ts";
import { keyOf } from "../cache/key.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Exchange } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import { writeAnswer } from "./answer.ts";
import type { Caches } from "./caches.ts";
import { fail } from "./fail.ts";
import type { Plan } from "./plan.ts";

/** A route that allows it to nobody hands it on to its backend. */
export function isPurge({ method }: Exchange, use: CacheUse): boolean {
  return method === "PURGE" && use.purge.length > 0;
}

export function purgeByRequest(exchange: Exchange<Plan>, cache: RouteCache, caches: Caches): void {
  if (!NetworkSet.of(cache.use.purge).has(exchange.clientIp)) {
    fail(exchange, "PURGE_REFUSED", exchange.plan?.errorPages);
    return;
  }
  const { fields } = exchange.request;
  const tags = cache.use.tagFields.flatMap((name) => fields.valuesOf(name));
  const named = tags
    .join(" ")
    .split(/[\s,]+/)
    .filter((each) => each !== "");
  const { owner } = cache;
  let count = 0;
  if (named.length > 0) {
    for (const value of named.slice(0, 64)) count += caches.purge({ kind: "tag", value, owner });
  } else {
    const keyed = keyOf(cache.use, exchange, fields, isSecure(exchange));
    if (keyed !== undefined) count = caches.purge({ kind: "url", value: keyed.url, owner });
  }
  const body = `${count}\n`;
  const answer = { status: 200, fields: [["Content-Type", "text/plain"]] as const, body };
  if (!writeAnswer(exchange, answer)) fail(exchange, "INTERNAL", exchange.plan?.errorPages);
}
