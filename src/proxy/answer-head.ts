// The head of a backend's answer as a client gets it. Hot: bench/head.ts

import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { reasonOf } from "../http/reason.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { httpDate } from "../lib/http-date.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { strictTransportLine } from "./own-answer.ts";
import type { Attempts } from "./attempts.ts";
import type { ForwardContext } from "./forward-context.ts";
import { hipacheDebug } from "./hipache.ts";
import type { Plan } from "./plan.ts";
import { hostsOf, restoreUrls } from "./restore-urls.ts";

/** What the backend says of its own URLs is put right, if the route wants that. */
export function restoreAnswer(
  exchange: Exchange,
  { restoreUrls: restored }: Plan,
  { backend, service }: Attempts,
  fields: Fields,
): void {
  if (restored === undefined || backend === null) return;
  restoreUrls(fields, restored, hostsOf(exchange, restored, service, backend.backend));
}

/**
 * Status line and fields, each with its CR LF; undefined = a middleware threw, which has been told. What is between the backend
 * and us has been dropped.
 */
export function answerHead(
  exchange: Exchange,
  context: ForwardContext,
  attempts: Attempts,
  head: ResponseHead,
): string | undefined {
  const { fields, bodyLength } = head;
  const { strictTransport, answerReview } = exchange;
  let { status, reason } = head;
  if (answerReview !== null) {
    const reviewed = answerReview.review(status, fields, bodyLength, false);
    if (reviewed === undefined) return undefined;
    if (reviewed.status !== status) reason = reasonOf(reviewed.status);
    status = reviewed.status;
    head.status = status;
  }
  // RFC 6797 section 7.1: one field, and browsers believe the first.
  if (strictTransport !== "") fields.dropNamed("strict-transport-security");
  let text = `HTTP/1.1 ${status} ${reason}\r\n${fields.serialise()}`;
  if (strictTransport !== "") text += strictTransportLine(strictTransport);
  // RFC 9110 section 6.6.1: who passes on an answer without a date adds one.
  if (fields.times(Field.DATE) === 0) text += `Date: ${httpDate()}\r\n`;
  text += attempts.sessionLines(fields);
  const isDebugged = exchange.request.fields.times(Field.X_DEBUG) > 0;
  if (isDebugged && context.isDebugAllowed(exchange))
    text += debugLines(exchange, attempts.service);
  return text;
}

function debugLines(exchange: Exchange, service: LiveService): string {
  if (exchange.isHipacheDebug) return hipacheDebug(exchange, service);
  const { backendUrl, backendMs, startedAt } = exchange;
  return (
    `X-Debug-Backend: ${backendUrl}\r\n` +
    `X-Debug-Time-Backend: ${backendMs.toFixed(1)}\r\n` +
    `X-Debug-Time-Total: ${(performance.now() - startedAt).toFixed(1)}\r\n`
  );
}
