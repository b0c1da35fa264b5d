// Answers that we give ourselves: from a middleware, or for a failure. The request's own method and
// version decide what may be sent.

import type { Exchange } from "../http/exchange.ts";
import type { Answer } from "../middlewares/middleware.ts";
import { answerForCall } from "./grpc-answer.ts";
import { beginAnswer } from "./own-answer.ts";

/** Writes a complete answer and ends the exchange's part of it. False: a middleware threw, and nothing was written. */
export function writeAnswer(exchange: Exchange, given: Answer): boolean {
  const answer = answerForCall(exchange, given);
  const hasBody = answer.status !== 204 && answer.status !== 304;
  const { length } = answer.body;
  let lines = "";
  for (const [name, value] of answer.fields) lines += `${name}: ${withoutControls(value)}\r\n`;
  if (hasBody) lines += `Content-Length: ${length}\r\n`;
  if (!beginAnswer(exchange, answer.status, lines, hasBody ? length : 0, true)) return false;
  if (hasBody && exchange.method !== "HEAD") exchange.client.writeText(answer.body);
  exchange.client.endAnswer("");
  return true;
}

/** A value that a middleware took from somewhere must not begin a line of its own. */
function withoutControls(value: string): string {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127 || code > 255)
      return encodeURI(value.toWellFormed());
  }
  return value;
}
