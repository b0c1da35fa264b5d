// Begins an answer that is ours and yet passes through the middlewares of its route, as one of a backend does.
// Hot: bench/workloads/files.ts

import type { Exchange } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import { reasonOf } from "../http/reason.ts";
import { httpDate } from "../lib/http-date.ts";

/** More than any program sends: what is read here was made or checked by us. */
const maxFields = 1000;

/**
 * Writes a head.
 * @param lines field lines, each with its CR LF; none of Date
 * @param bodyLength bytes
 * @param isOurs a failure, or what a middleware answered: no file
 * @returns false when a middleware threw: nothing was written, and no middleware is asked again
 */
export function beginAnswer(
  exchange: Exchange,
  status: number,
  lines: string,
  bodyLength: number,
  isOurs = false,
): boolean {
  let text = lines;
  let shown = status;
  const { strictTransport, answerReview } = exchange;
  if (answerReview !== null) {
    const fields = new Fields();
    const wrong = fields.read(lines, 0, lines.length, maxFields);
    const length = exchange.method === "HEAD" ? 0 : bodyLength;
    const head = wrong ?? answerReview.review(status, fields, length, isOurs);
    if (typeof head !== "object") {
      exchange.answerReview = null;
      return false;
    }
    // RFC 6797 section 7.1: one field, and browsers believe the first.
    if (strictTransport !== "") fields.dropNamed("strict-transport-security");
    text = fields.serialise();
    shown = head.status;
  }
  let head = `HTTP/1.1 ${shown} ${reasonOf(shown)}\r\nDate: ${httpDate()}\r\n${text}`;
  if (strictTransport !== "") head += strictTransportLine(strictTransport);
  exchange.client.writeHead(shown, head, bodyLength);
  return true;
}

export function strictTransportLine(value: string): string {
  return `Strict-Transport-Security: ${value}\r\n`;
}

/** A whole answer with a text of ours; false as above. @param body latin1 */
export function giveText(exchange: Exchange, status: number, lines: string, body: string): boolean {
  const isBare = status === 204 || status === 304;
  const all = isBare ? lines : `${lines}Content-Length: ${body.length}\r\n`;
  if (!beginAnswer(exchange, status, all, isBare ? 0 : body.length)) return false;
  if (!isBare && exchange.method !== "HEAD") exchange.client.writeText(body);
  exchange.client.endAnswer("");
  return true;
}
