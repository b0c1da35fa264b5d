// Middlewares that say how much, as the snapshot holds them. Times are ms, sizes bytes.

import type { RedisServer } from "../../source-settings.ts";

/** Whose requests count together. */
export type LimitPart =
  /** Bits of the address that count: 32 and 64 = an IPv4 address, and a network of IPv6. */
  | { readonly from: "address"; readonly v4: number; readonly v6: number }
  /** In lower case. */
  | { readonly from: "header"; readonly name: string }
  | { readonly from: "cookie"; readonly name: string }
  | { readonly from: "query"; readonly name: string }
  /** Whom another middleware found the client to be; the address of those who are nobody. */
  | { readonly from: "user"; readonly v4: number; readonly v6: number }
  /** Everybody together. */
  | { readonly from: "all" };

export interface Rate {
  readonly average: number;
  readonly period: number;
  readonly burst: number;
}

export interface RedisLimits {
  readonly server: RedisServer;
  readonly prefix: string;
  readonly wait: number;
  readonly fallback: "local" | "allow" | "refuse";
}

export interface RateLimitUse {
  readonly kind: "rateLimit";
  readonly rates: readonly Rate[];
  readonly by: readonly LimitPart[];
  readonly scope: "worker" | "host" | "redis";
  /** Where scope is `redis`. */
  readonly redis: RedisLimits | undefined;
  /** Networks. */
  readonly exempt: readonly string[];
  readonly status: number;
  readonly keys: number;
  /** RateLimit and RateLimit-Policy go with each answer. */
  readonly hasFields: boolean;
  /** Nobody is refused. */
  readonly isDryRun: boolean;
}

export interface ConcurrencyUse {
  readonly kind: "concurrency";
  readonly limit: number;
  readonly by: readonly LimitPart[];
  readonly scope: "worker" | "host";
  readonly queue: number;
  readonly queueTime: number;
  readonly exempt: readonly string[];
  readonly status: number;
}

export interface BandwidthUse {
  readonly kind: "bandwidth";
  /** Bytes in a second towards the client; 0 = no limit. */
  readonly down: number;
  /** From the client. */
  readonly up: number;
  /** undefined = each request by itself. */
  readonly by: readonly LimitPart[] | undefined;
  /** So many bytes of each answer, and of each request, do not count. */
  readonly after: number;
  readonly exempt: readonly string[];
}
