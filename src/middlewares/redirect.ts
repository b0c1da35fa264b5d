// Answers with a redirect. The target may hold {scheme}, {host}, {uri}, {path} and {query} of the request.

import type { Exchange } from "../http/exchange.ts";
import type { Middleware } from "./middleware.ts";
import { hostWithoutPort, pathOf, uriOf } from "./requested-url.ts";

export function redirect(use: { readonly to: string; readonly status: number }): Middleware {
  const parts = use.to.split(/(\{[a-z]+\})/);
  return {
    onRequest(exchange) {
      const location = parts.map((part) => valueOf(part, exchange)).join("");
      return { status: use.status, fields: [["Location", location]], body: "" };
    },
  };
}

function valueOf(part: string, exchange: Exchange): string {
  switch (part) {
    case "{scheme}":
      return exchange.origin.isSecure ? "https" : "http";
    case "{host}":
      return hostWithoutPort(exchange);
    case "{uri}":
      return uriOf(exchange);
    case "{path}":
      return pathOf(exchange);
    case "{query}":
      return exchange.request.query;
    default:
      return part;
  }
}
