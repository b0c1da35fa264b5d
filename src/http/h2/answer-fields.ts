// The head of an answer, as HTTP/1 writes it, into the field section that HTTP/2 has for it (RFC 9113 section 8.3.2).
// Hot: bench/h2-session.ts

import { writeLines } from "./field-lines.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";

/**
 * @param head status line and field lines, each with its CR LF; an empty line at its end is passed over
 * @param dropped a name, in lower case, that is left out; "" = none
 */
export function writeAnswerFields(
  encoder: HpackEncoder,
  status: number,
  head: string,
  dropped = "",
): void {
  encoder.field(":status", String(status));
  writeLines(encoder, head, head.indexOf("\r\n") + 2, head.length, dropped);
}

/** What a backend says of the urgency of its answer (RFC 9218 section 8); "" = nothing. */
export function priorityOf(head: string): string {
  // Nearly no answer has it, and this is the cheapest way to see that.
  if (!head.includes("riority:")) return "";
  return /\r\npriority:[ \t]*([^\r\n]*)/i.exec(head)?.[1] ?? "";
}
