// The head of an answer over HTTP/2 in the words of HTTP/1.1, read by the same strict code as theirs: `:status` once, first and
// three digits, lower case names, nothing about connections, no value that could become a line (RFC 9113 section 8.3.2).

import type { FailureCode } from "../errors.ts";
import { CHUNKED, UNTIL_CLOSE } from "../framing.ts";
import { reasonOf } from "../reason.ts";
import type { ResponseHead } from "../response-head.ts";
import { readTrailers } from "../trailers.ts";
import { readLines } from "./field-lines.ts";
import type { FieldSection } from "./field-section.ts";

/** Bytes that HPACK counts for a field beside its name and value (RFC 7541 section 4.1). */
const overhead = 32;

/** The proof is ours: theirs would be a second one. */
const acceptLine = /^sec-websocket-accept:[^\r\n]*\r\n/gm;

export interface AnswerForm {
  /** The request was HEAD: there is no body, whatever the fields say. */
  readonly isHead: boolean;
  /** Of a WebSocket that was asked for by extended CONNECT: the `Sec-WebSocket-Accept` that its client expects; "" = none was. */
  readonly accept: string;
  readonly headerCount: number;
}

/** @param isEnd no body follows @returns what is wrong, if anything */
export function readAnswer(
  section: FieldSection,
  head: ResponseHead,
  { isHead, accept, headerCount }: AnswerForm,
  isEnd: boolean,
): FailureCode | undefined {
  if (section.isTooLarge) return "RESPONSE_HEAD_TOO_LARGE";
  const status = section.names[0] === ":status" ? (section.values[0] ?? "") : "";
  const lines = section.count === 0 ? undefined : readLines(section, 1, false);
  // Section 8.6: 101 has no meaning here.
  if (!/^[1-9]\d\d$/.test(status) || status === "101" || lines === undefined) return "BAD_RESPONSE";
  // RFC 8441 section 5: any 2xx opens it.
  const isOpened = accept !== "" && status.startsWith("2");
  // Who knows no other end than a length waits for nothing.
  const isUnsaid = isEnd && !isHead && !/^(?:1|204|304)/.test(status);
  const isSaid = lines.startsWith("content-length:") || lines.includes("\ncontent-length:");
  // RFC 9110 section 8.6: a server must not. Others that speak HTTP/2 refuse it, too.
  if (isSaid && status.startsWith("1")) return "BAD_RESPONSE";
  const length = isUnsaid && !isSaid ? "Content-Length: 0\r\n" : "";
  const text = isOpened
    ? `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n${lines.replace(acceptLine, "")}\r\n`
    : `HTTP/1.1 ${status} ${reasonOf(Number(status))}\r\n${lines}${length}\r\n`;
  const wrong = head.read(text, 0, text.length, headerCount, isHead);
  if (wrong !== undefined) return wrong;
  if (isEnd) return endedWrongly(head, isOpened) ? "BAD_RESPONSE" : undefined;
  // Where it ends is said by its last frame.
  if (head.bodyLength === UNTIL_CLOSE) head.bodyLength = CHUNKED;
  return undefined;
}

/** Nothing follows, though something should. */
function endedWrongly(head: ResponseHead, isOpened: boolean): boolean {
  if (head.status < 200 || isOpened || head.bodyLength > 0) return true;
  head.bodyLength = 0;
  return false;
}

/** Checked trailer lines, each with its CR LF; undefined = they are malformed. @param most bytes of them */
export function readAnswerTrailers(section: FieldSection, most: number): string | undefined {
  if (section.isTooLarge || section.size - section.count * overhead > most) return undefined;
  const lines = readLines(section, 0, false);
  if (lines === undefined) return undefined;
  const trailers = readTrailers(lines);
  return trailers.kind === "bad" ? undefined : trailers.lines;
}
