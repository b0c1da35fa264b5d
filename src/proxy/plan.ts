// A route as it runs: middlewares made, service found, limits resolved. An exchange keeps the plan it
// began with, so a reload never changes the rules in the middle of a request.

import type { CollapseUse } from "../config/middlewares/uses/collapse.ts";
import type { ExchangeTimeouts, RestoredUrls, Route } from "../config/snapshot.ts";
import type { SpoolSettings } from "../config/snapshot.ts";
import { hstsText } from "../config/hsts.ts";
import type { Maintenance } from "../config/service.ts";
import type { Destination } from "../upstream/destination.ts";
import type { RouteCache } from "../cache/route-cache.ts";
import type { AccessLogSink } from "./access-log.ts";
import type { Chain } from "./chain.ts";
import type { ErrorLog } from "./error-log.ts";
import type { ErrorPages } from "./error-page.ts";
import type { RouteMeter } from "./meter.ts";

export interface Plan {
  readonly name: string;
  readonly site: string;
  /** Value of Strict-Transport-Security; "" = not sent. */
  readonly strictTransport: string;
  /** Nothing of it is served in the clear: before anything else who comes there is sent to https, or elsewhere. */
  readonly isNeverPlain: boolean;
  readonly destination: Destination | undefined;
  /** The route's own; its service may have another. */
  readonly maintenance: Maintenance | undefined;
  /** null = it has no middlewares, and pays one comparison. */
  readonly chain: Chain | null;
  /** By listener, of those that have middlewares of their own in front; null = none has. */
  readonly chains: ReadonlyMap<string, Chain> | null;
  /** null = it keeps nothing, and pays one comparison. */
  readonly cache: RouteCache | null;
  /** null = each request reaches the backend. */
  readonly collapse: CollapseUse | null;
  readonly timeouts: ExchangeTimeouts;
  readonly maxBody: number;
  readonly errorPages: ErrorPages | undefined;
  readonly accessLog: AccessLogSink | undefined;
  /** What programs write to their error stream; undefined = the log of the program has it. */
  readonly errorLog: ErrorLog | undefined;
  /** What answers say of URLs is put right. */
  readonly restoreUrls: RestoredUrls | undefined;
  /** Bodies are taken whole before a backend is asked. */
  readonly spool: SpoolSettings | undefined;
  /** The same one for all plans of the route. */
  readonly meter: RouteMeter;
}

export interface PlanParts {
  readonly chain: Chain | null;
  readonly chains: ReadonlyMap<string, Chain> | null;
  readonly cache: RouteCache | null;
  readonly collapse: CollapseUse | null;
  readonly destination: Destination | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly accessLog: AccessLogSink | undefined;
  readonly errorLog: ErrorLog | undefined;
  readonly meter: RouteMeter;
}

/** Compiles a route. */
export function planOf(route: Route, parts: PlanParts): Plan {
  const { name, site = "", timeouts, maxBody, maintenance, hsts, restoreUrls, spool } = route;
  const strictTransport = hsts === undefined ? "" : hstsText(hsts);
  const isNeverPlain = route.middlewares.some(
    ({ kind }) => kind === "forceHttps" || kind === "redirect",
  );
  const own = { name, site, strictTransport, isNeverPlain, timeouts, maxBody, maintenance };
  return { ...own, restoreUrls, spool, ...parts };
}

/** The middlewares that an exchange of this listener meets. */
export function chainFor(plan: Plan, listener: string): Chain | null {
  return plan.chains === null ? plan.chain : (plan.chains.get(listener) ?? plan.chain);
}
