// The only place that turns a failure into an answer, or, once an answer has begun, into a connection
// that is closed so that the client notices.

import type { Maintenance } from "../config/service.ts";
import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";
import type { Answer } from "../middlewares/middleware.ts";
import { writeAnswer } from "./answer.ts";
import { errorPage, type ErrorPages } from "./error-page.ts";
import { endCall } from "./grpc-answer.ts";
import { hipacheFailure } from "./hipache.ts";

/** The client is gone: nobody is left to tell. */
export const unanswered: ReadonlySet<FailureCode> = new Set([
  "CLIENT_CLOSED",
  "CLIENT_STALLED",
  "SHUT_DOWN",
]);

/**
 * Ends the exchange with a failure. Harmless when it is over already.
 * @param status instead of the failure's own
 * @param fields further ones
 */
export function fail(
  exchange: Exchange,
  code: FailureCode,
  pages: ErrorPages | undefined,
  status: number = factsOf(code).status,
  fields: Answer["fields"] = [],
): void {
  if (exchange.isDone) return;
  const facts = factsOf(code);
  exchange.failure ??= code;
  exchange.sink = null;
  if (exchange.isHeadSent) {
    if (!endCall(exchange, code)) exchange.client.abort();
    return;
  }
  if (facts.close) exchange.client.closeAfterAnswer();
  if (pages?.areHipaches === true) {
    give(exchange, hipacheFailure(exchange, { code, status, pages }), pages);
    return;
  }
  const { request } = exchange;
  const page = errorPage(status, facts.text, request.fields.joined(Field.ACCEPT), {
    pages,
    host: request.host,
    code,
  });
  const isRetrySaid = fields.some(([name]) => name === "Retry-After");
  const answer: Answer = {
    status,
    fields: [
      ["Content-Type", page.contentType],
      ["Cache-Control", "no-store"],
      ...(status === 503 && !isRetrySaid ? [["Retry-After", retryAfterOf(code)] as const] : []),
      ...fields,
    ],
    body: page.body,
  };
  give(exchange, answer, pages);
}

/** When a middleware throws at the sight of it, that is what the client is told. */
function give(exchange: Exchange, answer: Answer, pages: ErrorPages | undefined): void {
  if (!writeAnswer(exchange, answer)) fail(exchange, "INTERNAL", pages);
}

function retryAfterOf(code: FailureCode): string {
  return code === "BACKEND_STARTING" ? "1" : "5";
}

/** Says that it is being started, to a browser that asks again by itself. */
export function showStarting(exchange: Exchange, pages: ErrorPages | undefined): void {
  const code = "BACKEND_STARTING";
  exchange.failure = code;
  const { request } = exchange;
  const text = "It is being started, since you asked for it. This page moves on when it is there.";
  const { status } = factsOf(code);
  const accept = request.fields.joined(Field.ACCEPT);
  const page = errorPage(status, text, accept, { pages, host: request.host, code });
  writeAnswer(exchange, {
    status,
    fields: [
      ["Content-Type", page.contentType],
      ["Cache-Control", "no-store"],
      ["Retry-After", retryAfterOf(code)],
      // Of browsers only, and without a script: also where an operator's own page is shown.
      ["Refresh", "1"],
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
  const answer: Answer = {
    status,
    fields: [
      ["Content-Type", usual.contentType],
      ["Cache-Control", "no-store"],
      ["Retry-After", String(retryAfter)],
    ],
    // Answers are written as single bytes.
    body: isOwn ? Buffer.from(page).latin1Slice() : usual.body,
  };
  give(exchange, answer, pages);
}
