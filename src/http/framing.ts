// The only place that decides where a message ends (RFC 9112 section 6.3). Everything here errs on the
// side of refusing: a length two parsers could read differently is how requests are smuggled.

import { equalsIgnoringCase } from "./characters.ts";
import type { FailureCode } from "./errors.ts";
import { Field, type Fields } from "./fields.ts";

/** Body lengths that are not a number of bytes. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** Largest length we can count exactly with room to spare: 15 digits. */
const maxLengthDigits = 15;

interface RequestFraming {
  readonly fields: Fields;
  readonly minor: number;
  bodyLength: number;
}

/** Decides the length of a request's body and notes it in the head. */
export function bodyOfRequest(head: RequestFraming): FailureCode | undefined {
  const fields = head.fields;
  const lengths = fields.times(Field.CONTENT_LENGTH);
  const encodings = fields.times(Field.TRANSFER_ENCODING);
  if (encodings > 0) {
    // Section 6.1: HTTP/1.0 knows no transfer codings; with a length beside it one of them lies.
    if (head.minor === 0 || lengths > 0 || encodings > 1 || !isChunked(fields)) {
      return "BAD_TRANSFER_ENCODING";
    }
    head.bodyLength = CHUNKED;
    return undefined;
  }
  if (lengths === 0) {
    head.bodyLength = 0;
    return undefined;
  }
  const length = lengths === 1 ? lengthOf(fields.first(Field.CONTENT_LENGTH)) : -1;
  if (length < 0) return "BAD_LENGTH";
  head.bodyLength = length;
  return undefined;
}

/**
 * Decides the length of an answer's body. Refuses what a request would be refused for as well:
 * a backend that sends both framings is broken, or attacked.
 */
export function bodyOfResponse(
  fields: Fields,
  status: number,
  minor: number,
  isHead: boolean,
): number | "BAD_RESPONSE" {
  const lengths = fields.times(Field.CONTENT_LENGTH);
  const encodings = fields.times(Field.TRANSFER_ENCODING);
  if (encodings > 0 && (minor === 0 || lengths > 0 || encodings > 1 || !isChunked(fields))) {
    return "BAD_RESPONSE";
  }
  const length = lengths === 0 ? UNTIL_CLOSE : lengthOf(fields.first(Field.CONTENT_LENGTH));
  if (lengths > 1 || length === -1) return "BAD_RESPONSE";
  if (isHead || status < 200 || status === 204 || status === 304) return 0;
  return encodings > 0 ? CHUNKED : length;
}

function isChunked(fields: Fields): boolean {
  const value = fields.first(Field.TRANSFER_ENCODING);
  return value.length === 7 && equalsIgnoringCase(value, 0, "chunked");
}

/** Digits only: no sign, no space, no list. -1 for anything else. */
function lengthOf(value: string): number {
  if (value.length === 0 || value.length > maxLengthDigits) return -1;
  let length = 0;
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
