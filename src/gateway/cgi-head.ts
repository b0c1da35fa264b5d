// The head of a program's answer (RFC 3875 section 6.3), read into the head of an HTTP answer as strictly as one that came by
// HTTP. Lines may end in LF alone, as the RFC has it. A program may also send a status line ("nph", and all of uwsgi).
// Hot: bench/head.ts

import { equalsIgnoringCase } from "../http/characters.ts";
import { Field } from "../http/fields.ts";
import { bodyOfResponse, CHUNKED, UNTIL_CLOSE } from "../http/framing.ts";
import { reasonOf } from "../http/reason.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { FailureCode } from "../http/errors.ts";

export interface HeadFault {
  readonly code: FailureCode;
  /** A sentence. */
  readonly why: string;
}

/**
 * Reads a head into `head`; returns what is wrong, if anything. How long the body is, is a number or `CHUNKED` then.
 * @param text all of it, with the empty line at its end
 * @param isHead it was a HEAD request: there is no body whatever the fields say
 */
export function readCgiHead(
  head: ResponseHead,
  text: string,
  maxCount: number,
  isHead: boolean,
): HeadFault | undefined {
  const isNph = text.startsWith("HTTP/");
  const lines = hasBareLf(text) ? text.replace(/\r?\n/g, "\r\n") : text;
  const whole = isNph ? lines : `HTTP/1.1 200 OK\r\n${lines}`;
  const { fields } = head;
  const wrong = head.read(whole, 0, whole.length, maxCount, isHead);
  if (wrong !== undefined) return { code: wrong, why: "the head of its answer is malformed" };
  // How bytes are framed is the gateway protocol's affair: whoever reads this field would read another body than we.
  if (fields.times(Field.TRANSFER_ENCODING) > 0) return bad("its answer has a Transfer-Encoding");
  const why = takeStatus(head, isNph);
  if (why !== undefined) return bad(why);
  // Interim answers are for connections: 101 would make a tunnel of this one.
  if (head.status < 200) return bad(`its answer has the status ${head.status}`);
  const length = bodyOfResponse(fields, head.status, 1, isHead);
  if (length === "BAD_RESPONSE") return bad("its answer has a malformed length");
  head.bodyLength = length === UNTIL_CLOSE ? CHUNKED : length;
  return undefined;
}

function bad(why: string): HeadFault {
  return { code: "BAD_RESPONSE", why };
}

/** `Status` and `Location` say what the status is (sections 6.3.2 and 6.3.3). @returns what is wrong */
function takeStatus(head: ResponseHead, isNph: boolean): string | undefined {
  const { fields } = head;
  let statuses = 0;
  let status = "";
  let hasLocation = false;
  for (let index = 0; index < fields.count; index++) {
    if (fields.idAt(index) !== Field.OTHER) continue;
    const name = fields.nameAt(index);
    if (name.length === 6 && equalsIgnoringCase(name, 0, "status")) {
      statuses++;
      status = fields.valueAt(index);
    } else if (name.length === 8 && equalsIgnoringCase(name, 0, "location")) {
      hasLocation = true;
    }
  }
  if (statuses > 0) fields.dropNamed("status");
  // A status line says it already.
  if (isNph) return undefined;
  if (statuses > 1) return "its answer has several Status fields";
  if (statuses === 1) return readStatus(head, status);
  if (hasLocation) {
    head.status = 302;
    head.reason = "Found";
    return undefined;
  }
  return fields.count === 0 ? "the head of its answer has no field" : undefined;
}

/** `3DIGIT [SP reason]`; the characters of a field's value have been looked at. */
function readStatus(head: ResponseHead, value: string): string | undefined {
  const found = /^([1-9]\d\d)(?:[ \t]+(.*))?$/.exec(value);
  if (found === null) return "its Status field is malformed";
  const [, digits = "", reason = ""] = found;
  head.status = Number(digits);
  head.reason = reason === "" ? reasonOf(head.status) : reason;
  return undefined;
}

function hasBareLf(text: string): boolean {
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (text.charCodeAt(at - 1) !== 13) return true;
  }
  return false;
}
