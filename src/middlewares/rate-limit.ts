// So many requests in a time, for each client. How it is counted: `gcra.ts`; by whom: `rate-counter.ts`.

import { hash } from "node:crypto";
import type { RateLimitUse, Rate } from "../config/middlewares/uses/limit.ts";
import type { Exchange } from "../http/exchange.ts";
import { formatDuration } from "../lib/duration.ts";
import { NetworkSet } from "../lib/ip.ts";
import { paceOf, ticksPerMs } from "./gcra.ts";
import { keyMaker } from "./limit-key.ts";
import type { Middleware, MiddlewareApi, Refusal, Verdict } from "./middleware.ts";
import { HostCounter, OwnCounter, type RateCounter, type Taken } from "./rate-counter.ts";
import { RedisCounter, unknown } from "./rate-redis.ts";

export function rateLimit(use: RateLimitUse, api: MiddlewareApi): Middleware {
  const keyOf = keyMaker(use.by);
  const exempt = use.exempt.length === 0 ? undefined : NetworkSet.of(use.exempt);
  const counter = counterOf(use, api);
  const fields = use.hasFields ? new RateFields(use.rates) : undefined;
  const shown = new WeakMap<Exchange, Taken>();

  const judge = (exchange: Exchange, taken: Taken): Verdict => {
    if (fields !== undefined && taken.used.length > 0) shown.set(exchange, taken);
    if (taken.wait === 0) return undefined;
    if (taken === unknown) return use.isDryRun ? undefined : { failure: "LIMIT_UNAVAILABLE" };
    if (use.isDryRun) {
      // Not the key: it may be a secret of the client.
      api.warn("a request would have been refused", { client: exchange.clientIp });
      return undefined;
    }
    return refusal(use, taken, fields);
  };

  return {
    onRequest(exchange) {
      if (exempt?.has(exchange.clientIp) === true) return undefined;
      const taken = counter.take(keyOf(exchange));
      return taken instanceof Promise
        ? taken.then((late) => judge(exchange, late))
        : judge(exchange, taken);
    },
    ...(fields === undefined
      ? {}
      : {
          onResponse(exchange, answer) {
            const taken = shown.get(exchange);
            if (taken === undefined) return;
            for (const [name, value] of fields.of(taken)) {
              answer.fields.dropNamed(name.toLowerCase());
              answer.fields.add(name, value);
            }
          },
        }),
    close: () => counter.close?.(),
  };
}

function counterOf(use: RateLimitUse, api: MiddlewareApi): RateCounter {
  const { rates, keys, scope, redis, by, hasFields: tells } = use;
  // What all who count together have in common; a password is none of it.
  const name = hash("sha256", JSON.stringify([api.owner, rates, by]), "base64url").slice(0, 16);
  if (scope === "redis" && redis !== undefined) {
    return new RedisCounter({
      rates,
      keys,
      tells,
      redis,
      name,
      warn: (...said) => api.warn(...said),
    });
  }
  if (scope === "worker") return new OwnCounter({ rates, keys, tells });
  return new HostCounter({ rates, keys, tells }, name, api.peers, () =>
    api.warn("a worker did not answer in time, and requests were counted without it"),
  );
}

/** RFC 6585 section 4: 429 says when to come again. */
function refusal({ status }: RateLimitUse, taken: Taken, fields: RateFields | undefined): Refusal {
  const seconds = Math.max(1, Math.ceil(taken.wait / ticksPerMs / 1000));
  return {
    failure: "RATE_LIMITED",
    status,
    fields: [
      ["Retry-After", String(seconds)],
      ...(taken.used.length > 0 ? (fields?.of(taken) ?? []) : []),
    ],
  };
}

/** What clients are told of their limits: draft-ietf-httpapi-ratelimit-headers. */
class RateFields {
  readonly #policy: string;
  readonly #rates: readonly {
    readonly name: string;
    readonly step: number;
    readonly all: number;
  }[];

  constructor(rates: readonly Rate[]) {
    this.#rates = rates.map((rate) => {
      const { step, slack } = paceOf(rate);
      const name = `${rate.average}-per-${formatDuration(rate.period)}`;
      return { name, step, all: slack + step };
    });
    const policies = rates.map(({ average, period }, at) => {
      const seconds = Math.max(1, Math.ceil(period / 1000));
      return `"${this.#rates[at]?.name ?? ""}";q=${average};w=${seconds}`;
    });
    this.#policy = policies.join(", ");
  }

  of({ used }: Taken): readonly (readonly [string, string])[] {
    const left = this.#rates.map(({ name, step, all }, at) => {
      const gone = used[at] ?? 0;
      const seconds = Math.ceil(gone / ticksPerMs / 1000);
      return `"${name}";r=${Math.max(0, Math.floor((all - gone) / step))};t=${seconds}`;
    });
    return [
      ["RateLimit-Policy", this.#policy],
      ["RateLimit", left.join(", ")],
    ];
  }
}
