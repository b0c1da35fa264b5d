// A route as it runs: middlewares made, service found, limits resolved. An exchange keeps the plan it
// began with, so a reload never changes the rules in the middle of a request.

import type { ExchangeTimeouts, MiddlewareUse, RestoredUrls, Route } from "../config/snapshot.ts";
import type { SpoolSettings } from "../config/snapshot.ts";
import { hstsText } from "../config/hsts.ts";
import type { Maintenance } from "../config/service.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Answer, AnswerHead, Middleware } from "../middlewares/middleware.ts";
import { createMiddleware } from "../middlewares/registry.ts";
import type { Destination } from "../upstream/destination.ts";
import type { AccessLogSink } from "./access-log.ts";
import type { ErrorLog } from "./error-log.ts";
import type { ErrorPages } from "./error-page.ts";

export type RequestHook = (exchange: Exchange) => Answer | undefined;
export type ResponseHook = (exchange: Exchange, answer: AnswerHead) => void;
export type DoneHook = (exchange: Exchange) => void;

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
  /** null instead of an empty list: a route without middlewares pays one comparison. */
  readonly requestHooks: readonly RequestHook[] | null;
  /** In the order they run, which is the reverse of the request's. */
  readonly responseHooks: readonly ResponseHook[] | null;
  readonly doneHooks: readonly DoneHook[] | null;
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
}

export interface PlanParts {
  readonly destination: Destination | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly accessLog: AccessLogSink | undefined;
  readonly errorLog: ErrorLog | undefined;
}

const noHooks = { requestHooks: null, responseHooks: null, doneHooks: null };

/** Compiles a route. */
export function planOf(route: Route, parts: PlanParts): Plan {
  const { name, site = "", timeouts, maxBody, maintenance, hsts, restoreUrls, spool } = route;
  const strictTransport = hsts === undefined ? "" : hstsText(hsts);
  const isNeverPlain = route.middlewares.some(
    ({ kind }) => kind === "forceHttps" || kind === "redirect",
  );
  const own = { name, site, strictTransport, isNeverPlain, timeouts, maxBody, maintenance };
  return { ...own, restoreUrls, spool, ...parts, ...hooksFor(route) };
}

function hooksFor(route: Route): Pick<Plan, "requestHooks" | "responseHooks" | "doneHooks"> {
  if (route.middlewares.length === 0) return noHooks;
  const chain = route.middlewares.map((use) => createdFor(route, use));
  const back = chain.toReversed();
  return {
    requestHooks: hooksOf(chain, (each) => each.onRequest),
    responseHooks: hooksOf(back, (each) => each.onResponse),
    doneHooks: hooksOf(back, (each) => each.onDone),
  };
}

function createdFor(route: Route, use: MiddlewareUse): Middleware {
  try {
    return createMiddleware(use);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const what = `the middleware ${use.kind} of the route ${route.name} cannot be made: ${why}`;
    throw new Error(what, { cause: error });
  }
}

function hooksOf<T>(
  chain: readonly Middleware[],
  hookOf: (each: Middleware) => T | undefined,
): readonly T[] | null {
  const hooks = chain.map(hookOf).filter((each) => each !== undefined);
  return hooks.length === 0 ? null : hooks;
}
