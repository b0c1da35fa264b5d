// When a certificate should be renewed, as its authority wants it (ARI, RFC 9773 section 4.2).

import { acmeClientLimits as limits } from "../config/acme-limits.ts";
import { recordAt, textAt } from "../lib/json.ts";
import { plain } from "./problem.ts";

export interface RenewalInfo {
  /** The window, ms since 1970. One that lies in the past: at once. */
  readonly start: number;
  readonly end: number;
  /** Why so, for people: a page. */
  readonly explanation: string | undefined;
  /** When to ask again, ms since 1970. */
  readonly askAgainAt: number;
}

/** undefined = it says nothing that can be used: then a part of the certificate's life decides. */
export function readRenewalInfo(
  value: unknown,
  wait: number | undefined,
  now = Date.now(),
): RenewalInfo | undefined {
  const window = recordAt(value, "suggestedWindow");
  const start = timeOf(textAt(window, "start"));
  const end = timeOf(textAt(window, "end"));
  // A window that ends before it begins is to be ignored (section 4.2).
  if (start === undefined || end === undefined || end <= start) return undefined;
  const explanation = plain(textAt(value, "explanationURL"), limits.url);
  const { shortest, usual, longest } = limits.renewalInfo;
  return {
    start,
    end,
    explanation: /^https?:\/\/\S+$/.test(explanation) ? explanation : undefined,
    askAgainAt: now + Math.min(Math.max(wait ?? usual, shortest), longest),
  };
}

/** RFC 3339 */
function timeOf(text: string): number | undefined {
  const isTime = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(text);
  const time = isTime ? Date.parse(text.toUpperCase()) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
