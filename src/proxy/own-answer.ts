// Begins an answer that is ours and yet passes through the middlewares of its route, as one of a backend does.
// Hot: bench/workloads/files.ts

import type { Exchange } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import { reasonOf } from "../http/reason.ts";
import { httpDate } from "../lib/http-date.ts";
import { strictTransportLine } from "./answer.ts";
import { fail } from "./fail.ts";
import type { Plan } from "./plan.ts";
import { type HookContext, runResponseHooks } from "./response-hooks.ts";

/** More than any program sends: what is read here was made or checked by us. */
const maxFields = 1000;

/**
 * Writes a head.
 * @param lines field lines, each with its CR LF; none of Date
 * @param bodyLength bytes
 * @returns false when a middleware threw: the exchange has been answered
 */
export function beginAnswer(
  exchange: Exchange,
  plan: Plan,
  context: HookContext,
  status: number,
  lines: string,
  bodyLength: number,
): boolean {
  let text = lines;
  const { strictTransport } = exchange;
  if (plan.responseHooks !== null) {
    const fields = new Fields();
    const wrong = fields.read(lines, 0, lines.length, maxFields);
    if (wrong !== undefined || !runResponseHooks(exchange, plan, { status, fields }, context)) {
      fail(exchange, "INTERNAL", plan.errorPages);
      return false;
    }
    // RFC 6797 section 7.1: one field, and browsers believe the first.
    if (strictTransport !== "") fields.dropNamed("strict-transport-security");
    text = fields.serialise();
  }
  let head = `HTTP/1.1 ${status} ${reasonOf(status)}\r\nDate: ${httpDate()}\r\n${text}`;
  if (strictTransport !== "") head += strictTransportLine(strictTransport);
  exchange.client.writeHead(status, head, bodyLength);
  return true;
}

/** A whole answer with a text of ours. @param body latin1 */
export function giveText(
  exchange: Exchange,
  plan: Plan,
  context: HookContext,
  status: number,
  lines: string,
  body: string,
): void {
  const isBare = status === 204 || status === 304;
  const all = isBare ? lines : `${lines}Content-Length: ${body.length}\r\n`;
  if (!beginAnswer(exchange, plan, context, status, all, isBare ? 0 : body.length)) return;
  if (!isBare && exchange.method !== "HEAD") exchange.client.writeText(body);
  exchange.client.endAnswer("");
}
