// The only place that turns a failure into an answer, or, once an answer has begun, into a connection
// that is closed so that the client notices.

import type { Maintenance } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { writeAnswer } from "./answer.ts";
import { errorPage, type ErrorPages } from "./error-page.ts";

/**
 * Ends the exchange with a failure. Harmless when it is over already.
 * @param status instead of the failure's own
 */
export function fail(
  exchange: Exchange,
  code: FailureCode,
  pages: ErrorPages | undefined,
  status: number = factsOf(code).status,
): void {
  if (exchange.isDone) return;
  const facts = factsOf(code);
  exchange.failure ??= code;
  exchange.sink = null;
  if (exchange.isHeadSent) {
    exchange.client.abort();
    return;
  }
  if (facts.close) exchange.client.closeAfterAnswer();
  const { request } = exchange;
  const page = errorPage(status, facts.text, request.fields.joined(Field.ACCEPT), {
    pages,
    host: request.host,
    code,
  });
  writeAnswer(exchange, {
    status,
    fields: [
      ["Content-Type", page.contentType],
      ["Cache-Control", "no-store"],
      ...(status === 503 ? ([["Retry-After", "5"]] as const) : []),
    ],
    body: page.body,
  });
}

/** Says that the service is being worked on. */
export function refuseForMaintenance(
  exchange: Exchange,
  { page, retryAfter }: Maintenance,
  pages: ErrorPages | undefined,
): void {
  const code = "MAINTENANCE";
  const { status, text } = factsOf(code);
  exchange.failure = code;
  const { request } = exchange;
  const accept = request.fields.joined(Field.ACCEPT);
  const usual = errorPage(status, text, accept, { pages, host: request.host, code });
  const isOwn = page !== undefined && usual.contentType.startsWith("text/html");
  writeAnswer(exchange, {
    status,
    fields: [
      ["Content-Type", usual.contentType],
      ["Cache-Control", "no-store"],
      ["Retry-After", String(retryAfter)],
    ],
    // Answers are written as single bytes.
    body: isOwn ? Buffer.from(page).latin1Slice() : usual.body,
  });
}
