// Refusals as `application/problem+json` (RFC 9457): what went wrong in one sentence, and for a
// configuration every problem with its place.

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Problem } from "../config/problem.ts";

export interface Refusal {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** One sentence: what is wrong, and what to do. */
  readonly detail: string;
  readonly problems?: readonly Problem[];
}

export function refuse(c: Context, refusal: Refusal): Response {
  // `about:blank`: the status says what kind it is, there is no page to read about each.
  const body = JSON.stringify({ type: "about:blank", ...refusal });
  return c.body(body, refusal.status, { "Content-Type": "application/problem+json" });
}
