// Refusals as `application/problem+json` (RFC 9457): what went wrong in one sentence, and for a
// configuration every problem with its place. What an action came to is an answer or a refusal, too.

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "../config/problem.ts";
import type { ChannelResult, Outcome } from "./operations.ts";

export interface Refusal {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** One sentence: what is wrong, and what to do. */
  readonly detail: string;
  readonly problems?: readonly Problem[];
  /** Of a test message that did not reach everybody. */
  readonly channels?: readonly ChannelResult[];
}

export function refuse(c: Context, refusal: Refusal): Response {
  // `about:blank`: the status says what kind it is, there is no page to read about each.
  const body = JSON.stringify({ type: "about:blank", ...refusal });
  return c.body(body, refusal.status, { "Content-Type": "application/problem+json" });
}

export function badRequest(c: Context, detail: string): Response {
  return refuse(c, { status: 400, title: "Bad request", detail });
}

/** What an action came to. */
export function answer(c: Context, outcome: Outcome): Response {
  if (outcome.ok) return c.json(outcome);
  const { message, problems } = outcome;
  if (problems === undefined) {
    return refuse(c, { status: 409, title: "Refused", detail: message });
  }
  return refuse(c, { status: 422, title: "Bad configuration", detail: message, problems });
}
