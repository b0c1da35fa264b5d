// When somebody may be asked again, by the Retry-After field (RFC 9110 section 10.2.3): seconds, or a date.

import { acmeClientLimits as limits } from "../config/acme-limits.ts";

/** How long to wait from now, ms, within reason; undefined = it does not say, or nothing that can be read. */
export function retryAfter(value: string | undefined, now = Date.now()): number | undefined {
  const text = value?.trim() ?? "";
  const wait = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : untilDate(text, now);
  if (wait === undefined || Number.isNaN(wait)) return undefined;
  return Math.min(Math.max(wait, 0), limits.longestWait);
}

function untilDate(text: string, now: number): number | undefined {
  // Date.parse takes much that is no date of HTTP; all of those begin with the day of the week.
  return /^[A-Z][a-z]{2,8},? .{10,40}$/.test(text) ? Date.parse(text) - now : undefined;
}
