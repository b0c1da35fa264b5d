// Answers that we give ourselves: from a middleware, or for a failure. The request's own method and
// version decide what may be sent.

import type { Exchange } from "../http/exchange.ts";
import { reasonOf } from "../http/reason.ts";
import { httpDate } from "../lib/http-date.ts";
import type { Answer } from "../middlewares/middleware.ts";

/** Writes a complete answer and ends the exchange's part of it. */
export function writeAnswer(exchange: Exchange, answer: Answer): void {
  const { client } = exchange;
  const hasBody = answer.status !== 204 && answer.status !== 304;
  let head = `HTTP/1.1 ${answer.status} ${reasonOf(answer.status)}\r\nDate: ${httpDate()}\r\n`;
  for (const [name, value] of answer.fields) head += `${name}: ${withoutControls(value)}\r\n`;
  if (exchange.strictTransport !== "") head += strictTransportLine(exchange.strictTransport);
  if (hasBody) head += `Content-Length: ${answer.body.length}\r\n`;
  client.writeHead(answer.status, head, hasBody ? answer.body.length : 0);
  if (hasBody && exchange.method !== "HEAD") client.writeText(answer.body);
  client.endAnswer("");
}

export function strictTransportLine(value: string): string {
  return `Strict-Transport-Security: ${value}\r\n`;
}

/** A value that a middleware took from somewhere must not begin a line of its own. */
function withoutControls(value: string): string {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return encodeURI(value);
  }
  return value;
}
