// Shows the request as it arrived: the sample behind a first start, and a help when headers go missing.

import type { Exchange } from "../http/exchange.ts";
import type { Middleware } from "./middleware.ts";

export function whoami(): Middleware {
  return {
    onRequest(exchange) {
      return {
        status: 200,
        fields: [
          ["Content-Type", "text/plain; charset=utf-8"],
          ["Cache-Control", "no-store"],
        ],
        body: describe(exchange),
      };
    },
  };
}

/** Header values of people who ask from elsewhere may hold secrets, but they are their own. */
function describe(exchange: Exchange): string {
  const { request, origin } = exchange;
  const fields: string[] = [];
  for (let index = 0; index < request.fields.count; index++) {
    fields.push(`${request.fields.nameAt(index)}: ${request.fields.valueAt(index)}`);
  }
  return [
    "Hello from Tidegate. This is the request as it arrived:",
    "",
    request.line,
    ...fields,
    "",
    `From ${exchange.clientIp} to port ${origin.localPort}, ${origin.isSecure ? "with" : "without"} TLS.`,
    "",
  ].join("\n");
}
