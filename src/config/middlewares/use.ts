// Middlewares as the snapshot holds them: settings with all defaults filled in. Types alone, so that who serves does not
// load what reads.

import type { GeoipUse, IpRulesUse } from "./uses/address.ts";
import type { AuthUse } from "./uses/auth.ts";
import type { GrpcWebUse } from "./uses/grpc-web.ts";
import type { RouteUse } from "./uses/route.ts";
import type { BodyUse } from "./uses/body.ts";
import type { CacheUse } from "./uses/cache.ts";
import type { CollapseUse } from "./uses/collapse.ts";
import type {
  ContentTypeUse,
  CorsUse,
  ErrorsUse,
  HeadersUse,
  SecurityHeadersUse,
} from "./uses/answer.ts";
import type { OidcUse } from "./uses/oidc.ts";
import type { OwnUse } from "./uses/own.ts";
import type { RedirectHostUse } from "./uses/redirect.ts";
import type { BandwidthUse, ConcurrencyUse, RateLimitUse } from "./uses/limit.ts";
import type { RequestIdUse, TraceparentUse } from "./uses/trace.ts";
import type { BlocklistUse, RobotsUse } from "./uses/unwanted.ts";

/** One of a list. */
export type ListedUse =
  | AuthUse
  | BodyUse
  | RateLimitUse
  | ConcurrencyUse
  | BandwidthUse
  | IpRulesUse
  | GeoipUse
  | CacheUse
  | CollapseUse
  | RouteUse
  | RequestIdUse
  | TraceparentUse
  | BlocklistUse
  | RobotsUse
  | RedirectHostUse
  | CorsUse
  | HeadersUse
  | SecurityHeadersUse
  | ContentTypeUse
  | ErrorsUse
  | GrpcWebUse
  | OwnUse
  | OidcUse;

/** One of a list, and how it came there. */
export type Listed = ListedUse & {
  /** What was written: what is shown and dumped. */
  readonly written: unknown;
  /** Its name in the list, where it is not its kind; "" = it belongs to the one before it. */
  readonly as?: string;
  /** The set of the file that it came with, `NAME@file`. */
  readonly set?: string;
};
