// `tidegate cache`: what the caches of routes keep, and how to take answers out of them.

import { readCaches } from "../admin/answers.ts";
import type { CachePurge, CacheRow } from "../admin/operations.ts";
import { outcomeOf, tellOutcome } from "./outcome.ts";
import { ask, type CommandOptions, placeOf, printJson, understood } from "./running.ts";
import { table } from "./table.ts";
import { shortSize } from "./units.ts";

/** Returns the exit code, like all that follow. */
export async function caches(options: CommandOptions): Promise<number> {
  const answer = await ask(placeOf(options), { route: "/v1/cache", timeoutMs: 10_000 });
  const rows = understood(answer, readCaches);
  if (options.json) printJson(answer.body);
  else if (rows.length === 0) process.stdout.write("none: no route has a cache\n");
  else process.stdout.write(`${table(heading, rows.map(cellsOf)).join("\n")}\n`);
  return 0;
}

const heading = [
  ...["ROUTE", "ENTRIES", "SIZE", "HITS", "RATIO", "STALE", "MISSES", "REVALIDATED", "PASSED"],
  ...["EVICTED", "DISK", "DISK HITS"],
];

function cellsOf(row: CacheRow): string[] {
  const asked = row.hits + row.misses;
  const numbers = [row.stale, row.misses, row.revalidated, row.passed, row.evictions].map(String);
  return [
    row.route,
    String(row.entries),
    shortSize(row.bytes),
    String(row.hits),
    asked === 0 ? "-" : `${Math.round((100 * row.hits) / asked)}%`,
    ...numbers,
    shortSize(row.diskBytes),
    String(row.diskHits),
  ];
}

export interface PurgeWish {
  readonly url: string | undefined;
  readonly prefix?: string;
  readonly tag?: string;
  readonly all?: boolean;
  readonly route?: string;
}

export async function purgeCache(wish: PurgeWish, options: CommandOptions): Promise<number> {
  const purge = purgeOf(wish);
  if (typeof purge === "string") return tellOutcome({ ok: false, message: purge }, options);
  const body = { ...purge, ...(wish.route === undefined ? {} : { owner: wish.route }) };
  const question = { route: "/v1/cache/purge", method: "POST", body } as const;
  return tellOutcome(await outcomeOf(placeOf(options), question), options);
}

/** What is wrong, as a text. */
function purgeOf({ url, prefix, tag, all }: PurgeWish): CachePurge | string {
  const wishes: CachePurge[] = [];
  if (url !== undefined) wishes.push({ kind: "url", value: url });
  if (prefix !== undefined) wishes.push({ kind: "prefix", value: prefix });
  if (tag !== undefined) wishes.push({ kind: "tag", value: tag });
  if (all === true) wishes.push({ kind: "all", value: "" });
  const [wish] = wishes;
  if (wish === undefined || wishes.length > 1) {
    return "write one of: a URL, --prefix URL, --tag TAG or --all";
  }
  const isUrl = wish.kind === "url" || wish.kind === "prefix";
  return isUrl && !/^https?:\/\//i.test(wish.value)
    ? `${wish.value} is no URL; write https://host/path`
    : wish;
}
