// Sends clients that did not come by https to the same URL there. Whoever did, to us or to a trusted proxy
// in front of us, goes on.

import type { Middleware } from "./middleware.ts";
import { hostWithoutPort, isSecure, uriOf } from "./requested-url.ts";

const plainText = ["Content-Type", "text/plain; charset=utf-8"] as const;

export function forceHttps(use: {
  readonly status: number;
  readonly port: number | undefined;
}): Middleware {
  const port = use.port === undefined || use.port === 443 ? "" : `:${use.port}`;
  return {
    onRequest(exchange) {
      if (isSecure(exchange)) return undefined;
      const host = hostWithoutPort(exchange);
      // HTTP/1.0 needs no Host, and then there is no URL to send the client to.
      if (host === "") {
        return {
          status: 400,
          fields: [plainText],
          body: "This site needs https and a Host header.\n",
        };
      }
      const location = `https://${host}${port}${uriOf(exchange)}`;
      return { status: use.status, fields: [["Location", location]], body: "" };
    },
  };
}
