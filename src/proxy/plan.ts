// A route as it runs: middlewares made, service found, limits resolved. An exchange keeps the plan it
// began with, so a reload never changes the rules in the middle of a request.

import type { ExchangeTimeouts, Route } from "../config/snapshot.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Answer, AnswerHead, Middleware } from "../middlewares/middleware.ts";
import { createMiddleware } from "../middlewares/registry.ts";
import type { LiveService } from "../upstream/live-service.ts";
import type { AccessLogSink } from "./access-log.ts";
import type { ErrorPages } from "./error-page.ts";

export type RequestHook = (exchange: Exchange) => Answer | undefined;
export type ResponseHook = (exchange: Exchange, answer: AnswerHead) => void;
export type DoneHook = (exchange: Exchange) => void;

export interface Plan {
  readonly name: string;
  readonly service: LiveService | undefined;
  /** null instead of an empty list: a route without middlewares pays one comparison. */
  readonly requestHooks: readonly RequestHook[] | null;
  /** In the order they run, which is the reverse of the request's. */
  readonly responseHooks: readonly ResponseHook[] | null;
  readonly doneHooks: readonly DoneHook[] | null;
  readonly timeouts: ExchangeTimeouts;
  readonly maxBody: number;
  readonly errorPages: ErrorPages | undefined;
  readonly accessLog: AccessLogSink | undefined;
}

export interface PlanParts {
  readonly service: LiveService | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly accessLog: AccessLogSink | undefined;
}

/** Compiles a route. */
export function planOf(route: Route, parts: PlanParts): Plan {
  const chain = route.middlewares.map(createMiddleware);
  const back = chain.toReversed();
  return {
    name: route.name,
    ...parts,
    requestHooks: hooksOf(chain, (each) => each.onRequest),
    responseHooks: hooksOf(back, (each) => each.onResponse),
    doneHooks: hooksOf(back, (each) => each.onDone),
    timeouts: route.timeouts,
    maxBody: route.maxBody,
  };
}

function hooksOf<T>(
  chain: readonly Middleware[],
  hookOf: (each: Middleware) => T | undefined,
): readonly T[] | null {
  const hooks = chain.map(hookOf).filter((each) => each !== undefined);
  return hooks.length === 0 ? null : hooks;
}
