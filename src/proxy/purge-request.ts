// `PURGE` of clients that may: the URL it names, or the tags of its Cache-Tag field, in all workers.

import type { RouteCache } from "../cache/route-cache.ts";
import { keyOf } from "../cache/key.ts";
import type { Purge } from "../cache/store.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Exchange } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import { writeAnswer } from "./answer.ts";
import type { Caches } from "./caches.ts";
import { fail } from "./fail.ts";
import type { Plan } from "./plan.ts";
import { Search } from "./search.ts";

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
  const purges: Purge[] = [];
  if (named.length > 0) {
    for (const value of named.slice(0, 64)) purges.push({ kind: "tag", value, owner });
  } else {
    const keyed = keyOf(cache.use, exchange, fields, isSecure(exchange));
    if (keyed !== undefined) purges.push({ kind: "url", value: keyed.url, owner });
  }
  Search.begin(exchange, takeOut(purges, caches), ({ count, trouble }) => {
    if (trouble === undefined) giveCount(exchange, count);
    else fail(exchange, "INTERNAL", exchange.plan?.errorPages);
  });
}

async function takeOut(purges: readonly Purge[], caches: Caches) {
  const done = await Promise.all(purges.map((each) => caches.purge(each)));
  return {
    count: done.reduce((sum, { removed }) => sum + removed, 0),
    trouble: done.find(({ trouble }) => trouble !== undefined)?.trouble,
  };
}

function giveCount(exchange: Exchange<Plan>, count: number): void {
  const body = `${count}\n`;
  const answer = { status: 200, fields: [["Content-Type", "text/plain"]] as const, body };
  if (!writeAnswer(exchange, answer)) fail(exchange, "INTERNAL", exchange.plan?.errorPages);
}
