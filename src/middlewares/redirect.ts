// Answers with a redirect. The target may hold {scheme}, {host}, {uri}, {path} and {query} of the request.

import type { Exchange } from "../http/exchange.ts";
import type { Middleware } from "./middleware.ts";

export function redirect(use: { readonly to: string; readonly status: number }): Middleware {
  const parts = use.to.split(/(\{[a-z]+\})/);
  return {
    onRequest(exchange) {
      const location = parts.map((part) => valueOf(part, exchange)).join("");
      return { status: use.status, fields: [["Location", location]], body: "" };
    },
  };
}

/** Everything here passed the checks of the request head: no control characters, no line breaks. */
function valueOf(part: string, exchange: Exchange): string {
  const { request } = exchange;
  // `OPTIONS *` is about no path at all. "//evil.example" behind a bare prefix would name another host.
  const path = request.rawPath === "*" ? "/" : request.rawPath.replace(/^\/+/, "/");
  const query = request.hasQuery ? `?${request.query}` : "";
  switch (part) {
    case "{scheme}":
      return exchange.origin.isSecure ? "https" : "http";
    case "{host}":
      return request.host.replace(/:\d*$/, "");
    case "{uri}":
      return `${path}${query}`;
    case "{path}":
      return path;
    case "{query}":
      return request.query;
    default:
      return part;
  }
}
