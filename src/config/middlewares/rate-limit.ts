// Settings of `rateLimit`.

import * as z from "zod";
import { formatDuration, parseDuration } from "../../lib/duration.ts";
import { type Context, report } from "../context.ts";
import { rateLimits as limits, redisLimitLimits } from "../limit-limits.ts";
import type { Path } from "../problem.ts";
import { serverOf } from "../resolve-sources.ts";
import {
  duration,
  flag,
  integer,
  joinFault,
  key,
  mapping,
  mustBe,
  networks,
  oneOrMore,
  parsed,
} from "../scalar.ts";
import { secretMapping, secretText } from "../secret-scalar.ts";
import { password, passwordFile, redisUrl, sourceTls, username } from "../sources-schema.ts";
import { define, places } from "./definition.ts";
import { type ByInput, byKeys, partsOf } from "./limit-by.ts";
import type { Rate, RateLimitUse, RedisLimits } from "./uses/limit.ts";

const remedy = "write 10/s, 100/m, 1000/h, or { average: 10, period: 1s, burst: 20 }";
const most = limits.mostPerSecond;

/** `10/s`, `100/m`, `5/10s`. */
const shortRate = parsed({ what: "a rate", remedy }, (value, refuse) => {
  const [, count = "", unit = ""] = /^(\d{1,9})\s*\/\s*(\d*(?:ms|s|m|h|d))$/.exec(value) ?? [];
  if (count === "") return refuse(`${JSON.stringify(value)} is not a rate`, remedy);
  const period = parseDuration(/^\d/.test(unit) ? unit : `1${unit}`, limits.longest);
  if (period.kind === "bad") return refuse(period.why, remedy);
  if (Number(count) < 1 || period.ms < 1) return refuse("must let something pass", remedy);
  return { average: Number(count), period: period.ms };
});

const rateKeys = {
  average: key(integer(1, 1_000_000_000), "Requests in each period."),
  period: key(duration(1, limits.longest), "The period.", "1s"),
  burst: key(
    integer(1, 1_000_000_000),
    "Requests that may come at once, after a pause. Without it: as many as the average.",
  ),
};

const rate = z.union([shortRate, mapping(rateKeys)], { error: mustBe({ what: "a rate", remedy }) });

const redisKeys = {
  url: key(
    redisUrl,
    "Where it is: `redis://`, `rediss://` for TLS, or `unix://`.",
    "redis://127.0.0.1:6379",
  ),
  username,
  password,
  passwordFile,
  tls: sourceTls,
  prefix: key(
    secretText("a text", (value, refuse) =>
      value.length > 200 ? refuse("is longer than 200 characters") : value,
    ),
    "What our keys begin with.",
    "tidegate:limit:",
  ),
  wait: key(
    duration(1, redisLimitLimits.mostWait),
    "Longest wait for its answer.",
    formatDuration(redisLimitLimits.wait),
  ),
  fallback: key(
    z.enum(["local", "allow", "refuse"], {
      error: mustBe({ what: "local, allow or refuse" }),
    }),
    "When it is away or slow: count in each worker (`local`), let everything pass, or refuse everything.",
    "local",
  ),
};

const redisMapping = secretMapping(redisKeys);
type RedisWritten = z.output<typeof redisMapping>;

const redis = z.union([redisUrl.transform((url): RedisWritten => ({ url })), redisMapping], {
  error: joinFault("must be a URL or a mapping", "write redis://127.0.0.1:6379"),
});

const settings = z.union(
  [
    shortRate.transform((one): Written => ({ rates: [one] })),
    mapping({
      ...rateKeys,
      rates: key(
        oneOrMore(rate, { what: "a rate or a list of them", remedy }),
        "Several limits at once, instead of `average`: `[10/s, 1000/h]`. A request passes when all of them let it.",
      ),
      ...byKeys("address"),
      scope: key(
        z.enum(["worker", "host", "redis"], { error: mustBe({ what: "worker, host or redis" }) }),
        "Who counts together: each worker for itself, all workers of this program, or all programs that use the same Redis.",
        "host",
      ),
      redis: key(redis, "The Redis of scope `redis`: a URL or a mapping."),
      exempt: key(networks(), "Networks that are not limited."),
      status: key(integer(400, 599), "Status of the refusal.", 429),
      keys: key(integer(100, limits.mostKeys), "Clients that each worker remembers.", limits.keys),
      headers: key(flag(), "`RateLimit` and `RateLimit-Policy` go with each answer.", false),
      dryRun: key(flag(), "Refuses nobody, and says in the log who would have been.", false),
    }),
  ],
  { error: mustBe({ what: "a rate or a mapping", remedy }) },
);

type RateInput = { [Name in keyof Rate]?: Rate[Name] | undefined };

export interface Written extends RateInput, ByInput {
  readonly rates?: readonly RateInput[] | undefined;
  readonly scope?: RateLimitUse["scope"] | undefined;
  readonly redis?: RedisWritten | undefined;
  readonly exempt?: readonly string[] | undefined;
  readonly status?: number | undefined;
  readonly keys?: number | undefined;
  readonly headers?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export const rateLimit = define({
  kind: "rateLimit",
  summary: "So many requests in a time, for each client.",
  settings,
  place: places.limit,
  // Who names a Redis has us ask it, and what is remembered is memory of all.
  guarded: [["redis"], ["redis", "passwordFile"], ["redis", "tls"], ["keys"]],
  asks: [["redis"]],
  secrets: [["redis"]],
  resolve(input: Written, context, path): RateLimitUse | undefined {
    const rates = ratesOf(input, context, path);
    if (rates === undefined) return undefined;
    const scope = input.scope ?? (input.redis === undefined ? "host" : "redis");
    if (scope !== "redis" && input.redis !== undefined) {
      const message = `scope ${scope} asks no Redis`;
      report(context, [...path, "redis"], { message, remedy: "leave it out", at: "key" });
      return undefined;
    }
    return {
      kind: "rateLimit",
      rates,
      by: partsOf(input, "address"),
      scope,
      redis:
        scope === "redis" ? redisOf(context, input.redis ?? {}, [...path, "redis"]) : undefined,
      exempt: input.exempt ?? [],
      status: input.status ?? 429,
      keys: input.keys ?? limits.keys,
      hasFields: input.headers ?? false,
      isDryRun: input.dryRun ?? false,
    };
  },
});

function ratesOf(input: Written, context: Context, path: Path): readonly Rate[] | undefined {
  const refuse = (message: string, fix: string, at: Path = path) => {
    report(context, at, { message, remedy: fix, at: "key" });
    return undefined;
  };
  const { average, period, burst } = input;
  const hasOwn = average !== undefined || period !== undefined || burst !== undefined;
  if (hasOwn === (input.rates !== undefined)) {
    return refuse(
      hasOwn ? "says its limit twice" : "says no limit",
      "write either average or rates",
    );
  }
  const written = input.rates ?? [{ average, period, burst }];
  if (written.length > limits.mostRates) {
    return refuse(`has more than ${limits.mostRates} rates`, "leave out those that others imply");
  }
  const rates: Rate[] = [];
  for (const one of written) {
    if (one.average === undefined) return refuse("has a rate without average", remedy);
    const each = {
      average: one.average,
      period: one.period ?? 1000,
      burst: one.burst ?? one.average,
    };
    if ((each.average / each.period) * 1000 > most) {
      return refuse(`lets more than ${most} requests pass in a second`, "leave it out");
    }
    if ((each.burst / each.average) * each.period > limits.longest) {
      const message = "has a burst that takes more than a year to come back";
      return refuse(message, "write a smaller burst");
    }
    rates.push(each);
  }
  return rates;
}

function redisOf(context: Context, input: RedisWritten, path: Path): RedisLimits | undefined {
  const { prefix, wait, fallback, ...server } = input;
  if (context.writer !== undefined && input.url?.place.kind === "unix") {
    const message = "a socket is a file of this host";
    const remedy = "make a set of it in middlewares of the configuration file, and write NAME@file";
    report(context, path, { message, remedy });
    return undefined;
  }
  return {
    server: serverOf(context, server, path),
    prefix: prefix ?? input.url?.prefix ?? "tidegate:limit:",
    wait: wait ?? redisLimitLimits.wait,
    fallback: fallback ?? "local",
  };
}
