// The URL that the client asked for, piece by piece, for redirects. All of it passed the checks of the
// request head: no controls, no line breaks, nothing beyond ASCII.

import type { Exchange } from "../http/exchange.ts";
import { Field } from "../http/fields.ts";

/** Whether the client speaks TLS, to us or to a trusted proxy in front of us. */
export function isSecure({ origin, request }: Exchange): boolean {
  if (origin.isSecure || !origin.isPeerTrusted) return origin.isSecure;
  const [scheme = ""] = request.fields.first(Field.X_FORWARDED_PROTO).split(",", 1);
  return /^\s*(https|wss)\s*$/i.test(scheme);
}

/** As the client wrote it, without the port; "" when it named none. */
export function hostWithoutPort({ request }: Exchange): string {
  return request.host.replace(/:\d*$/, "");
}

export function pathOf({ request }: Exchange): string {
  // `OPTIONS *` is about no path at all. "//evil.example" behind a bare prefix would name another host.
  return request.rawPath === "*" ? "/" : request.rawPath.replace(/^\/+/, "/");
}

/** Path and query. */
export function uriOf(exchange: Exchange): string {
  const { request } = exchange;
  return request.hasQuery ? `${pathOf(exchange)}?${request.query}` : pathOf(exchange);
}
