// W3C trace context: a request belongs to a trace, and the backend learns which, and that we were in between. Nothing is
// sent to anybody else.

import type { TraceparentUse } from "../config/middlewares/uses/trace.ts";
import type { Exchange } from "../http/exchange.ts";
import { longestState, parseTraceparent, randomHex, traceparentOf } from "../http/trace-context.ts";
import type { Middleware } from "./middleware.ts";

export function traceparent({ trust, sample }: TraceparentUse): Middleware {
  return {
    onRequest(exchange) {
      // The program records traces itself, and has said already what the backend has to know.
      if (exchange.traceId !== "") return undefined;
      const { fields } = exchange.request;
      const came = isBelieved(exchange, trust)
        ? parseTraceparent(fields.get("traceparent"))
        : undefined;
      const trace = came ?? { id: randomHex(16), flags: Math.random() < sample ? "03" : "02" };
      const state = came === undefined ? "" : fields.valuesOf("tracestate").join(",");
      exchange.traceId = trace.id;
      fields.dropNamed("traceparent");
      fields.add("traceparent", traceparentOf(trace.id, randomHex(8), trace.flags));
      if (came !== undefined && state.length <= longestState) return undefined;
      // It is about another trace, or too long.
      fields.dropNamed("tracestate");
      return undefined;
    },
  };
}

function isBelieved({ origin }: Exchange, trust: TraceparentUse["trust"]): boolean {
  return trust === "everybody" || (trust === "proxies" && origin.isPeerTrusted);
}
