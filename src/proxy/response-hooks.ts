// What the middlewares of a route do to an answer before its head is written, whoever gives it.

import type { Exchange } from "../http/exchange.ts";
import type { AnswerHead } from "../middlewares/middleware.ts";
import type { Plan, ResponseHook } from "./plan.ts";

export interface HookContext {
  /** One of these hooks threw. */
  onHookFailed(plan: Plan, hooks: readonly ResponseHook[], error: unknown): void;
}

/** What a middleware throws is the end of its exchange alone. False: it threw, and that has been told. */
export function runResponseHooks(
  exchange: Exchange,
  plan: Plan,
  head: AnswerHead,
  context: HookContext,
): boolean {
  const hooks = plan.responseHooks;
  if (hooks === null) return true;
  try {
    for (const hook of hooks) hook(exchange, head);
    return true;
  } catch (error) {
    context.onHookFailed(plan, hooks, error);
    return false;
  }
}
