// What stands for the placeholders in the value of a header field. What the client wrote is cut and made printable: it
// begins no line of its own.

import { placeholderLength } from "../config/answer-limits.ts";
import { partsOfValue, type Placeholder, type ValuePart } from "../config/placeholders.ts";
import type { Exchange } from "../http/exchange.ts";
import { hostWithoutPort, isSecure, pathOf, uriOf } from "./requested-url.ts";

/** A value; a text where nothing in it stands for something else. */
export type FieldValue = string | ((exchange: Exchange) => string);

export function valueOf(written: string): FieldValue {
  const parts = partsOfValue(written);
  // It has been checked: then it stands for itself.
  if ("unknown" in parts || parts.every(({ is }) => is === "text")) return written;
  return (exchange) => parts.map((part) => textOf(part, exchange)).join("");
}

export function textFor(value: FieldValue, exchange: Exchange): string {
  return typeof value === "string" ? value : value(exchange);
}

function textOf(part: ValuePart, exchange: Exchange): string {
  switch (part.is) {
    case "text":
      return part.text;
    case "header":
      return printable(exchange.request.fields.passedOn(part.name) ?? "");
    case "placeholder":
      return printable(requested(part.name, exchange));
  }
}

function requested(name: Placeholder, exchange: Exchange): string {
  switch (name) {
    case "host":
      return hostWithoutPort(exchange);
    case "method":
      return exchange.method;
    case "path":
      return pathOf(exchange);
    case "query":
      return exchange.query;
    case "uri":
      return uriOf(exchange);
    case "scheme":
      return isSecure(exchange) ? "https" : "http";
    case "clientIp":
      return exchange.clientIp;
    case "port":
      return String(exchange.origin.localPort);
    case "route":
      return exchange.routeName;
  }
}

/** Of one line, in ASCII, and no longer than anybody needs. */
function printable(text: string): string {
  return text.slice(0, placeholderLength).replace(/[^\x20-\x7e]/g, (each) => {
    return encodeURIComponent(each.toWellFormed());
  });
}
