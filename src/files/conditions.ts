// Conditional requests (RFC 9110 section 13): whether what the client has is still good, in the order of section 13.2.2.

import { settledAfter } from "../config/files-limits.ts";
import { listHasStrongly, listHasWeakly, matchesStrongly } from "./entity-tag.ts";
import { readHttpDate } from "./http-date.ts";

/** Fields of the request; undefined = not sent. */
export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
}

/** What there is now. */
export interface Validators {
  readonly tag: string;
  /** Milliseconds since 1970; undefined = nothing that could be said. */
  readonly modifiedAt: number | undefined;
}

/** `send` it; 304: the client's is good; 412: it wanted something else. For GET and HEAD. */
export function judge(conditions: Conditions, there: Validators): "send" | 304 | 412 {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  if (ifMatch !== undefined) {
    if (!listHasStrongly(ifMatch, there.tag)) return 412;
  } else if (ifUnmodifiedSince !== undefined && isSince(ifUnmodifiedSince, there) === true) {
    return 412;
  }
  if (ifNoneMatch !== undefined) return listHasWeakly(ifNoneMatch, there.tag) ? 304 : "send";
  if (ifModifiedSince !== undefined && isSince(ifModifiedSince, there) === false) return 304;
  return "send";
}

/** Changed after that date? undefined = nobody can say, and the condition does not count. */
function isSince(date: string, { modifiedAt }: Validators): boolean | undefined {
  const then = readHttpDate(date);
  if (then === undefined || modifiedAt === undefined) return undefined;
  return wholeSeconds(modifiedAt) > then;
}

/** If-Range (section 13.1.5): whether the client's part is a part of what is there now. */
export function isSameRange(
  ifRange: string,
  { tag, modifiedAt }: Validators,
  now: number,
): boolean {
  if (ifRange.startsWith('"') || ifRange.startsWith("W/")) return matchesStrongly(ifRange, tag);
  if (modifiedAt === undefined || now - modifiedAt < settledAfter) return false;
  return readHttpDate(ifRange) === wholeSeconds(modifiedAt);
}

/** HTTP dates know no smaller unit. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
