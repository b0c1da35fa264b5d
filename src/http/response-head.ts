// The head of a backend's answer, as strictly read as a request's. One ResponseHead lives as long as its
// upstream connection and is refilled for each answer. Hot: bench/head.ts

import { listHas } from "./characters.ts";
import type { FailureCode } from "./errors.ts";
import { Field, Fields } from "./fields.ts";
import { bodyOfResponse } from "./framing.ts";

export class ResponseHead {
  status = 0;
  /** Reason phrase as it came, possibly "". */
  reason = "";
  minor = 1;
  readonly fields = new Fields();
  /** Bytes of the body, `CHUNKED` or `UNTIL_CLOSE`. */
  bodyLength = 0;
  /** The backend keeps the connection open after this answer. */
  isPersistent = true;

  /**
   * Reads a head from text[start, end), the empty line included. Returns what is wrong, if anything.
   * @param isHead the request was a HEAD request: there is no body whatever the fields say
   */
  read(
    text: string,
    start: number,
    end: number,
    maxCount: number,
    isHead: boolean,
  ): FailureCode | undefined {
    if (!this.#readLine(text, start)) return "BAD_RESPONSE";
    const lineEnd = text.indexOf("\r\n", start);
    const wrong = this.fields.read(text, lineEnd + 2, end - 2, maxCount);
    if (wrong !== undefined) {
      return wrong === "HEAD_TOO_LARGE" ? "RESPONSE_HEAD_TOO_LARGE" : "BAD_RESPONSE";
    }
    const length = bodyOfResponse(this.fields, this.status, this.minor, isHead);
    if (length === "BAD_RESPONSE") return length;
    this.bodyLength = length;
    this.isPersistent = this.minor === 1;
    if (this.fields.times(Field.CONNECTION) > 0) {
      const value = this.fields.joined(Field.CONNECTION);
      if (listHas(value, "close")) this.isPersistent = false;
      else if (listHas(value, "keep-alive")) this.isPersistent = true;
    }
    return undefined;
  }

  /** `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 section 4). */
  #readLine(text: string, start: number): boolean {
    if (!text.startsWith("HTTP/1.", start)) return false;
    const minor = text.charCodeAt(start + 7) - 48;
    if (minor < 0 || minor > 1 || text.charCodeAt(start + 8) !== 32) return false;
    const hundreds = text.charCodeAt(start + 9) - 48;
    const tens = text.charCodeAt(start + 10) - 48;
    const ones = text.charCodeAt(start + 11) - 48;
    if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return false;
    this.minor = minor;
    this.status = hundreds * 100 + tens * 10 + ones;
    const lineEnd = text.indexOf("\r\n", start);
    const separator = text.charCodeAt(start + 12);
    // Some servers leave the space out together with the phrase.
    if (lineEnd !== start + 12 && separator !== 32) return false;
    for (let at = start + 13; at < lineEnd; at++) {
      const code = text.charCodeAt(at);
      if (code === 127 || (code < 32 && code !== 9)) return false;
    }
    this.reason = text.slice(start + 13, lineEnd);
    return true;
  }
}
