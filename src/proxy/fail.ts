// The only place that turns a failure into an answer, or, once an answer has begun, into a connection
// that is closed so that the client notices.

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import { writeAnswer } from "./answer.ts";
import { errorPage, type ErrorPages } from "./error-page.ts";

/** Ends the exchange with a failure. Harmless when it is over already. */
export function fail(exchange: Exchange, code: FailureCode, pages: ErrorPages | undefined): void {
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
  const page = errorPage(facts.status, facts.text, request.fields.joined(Field.ACCEPT), {
    pages,
    host: request.host,
    code,
  });
  writeAnswer(exchange, {
    status: facts.status,
    fields: [
      ["Content-Type", page.contentType],
      ["Cache-Control", "no-store"],
      ...(facts.status === 503 ? ([["Retry-After", "5"]] as const) : []),
    ],
    body: page.body,
  });
}
