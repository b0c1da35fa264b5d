// Rewrites the path by a regular expression with `$1` for its groups. The result is normalised again, so
// that a rewrite cannot make a path that means something else to the backend.

import { regExpByLength } from "../lib/bounded-regexp.ts";
import { normalisePath } from "../lib/path.ts";
import type { Middleware } from "./middleware.ts";

export function replacePath(use: {
  readonly pattern: string;
  readonly replacement: string;
}): Middleware {
  const patternFor = regExpByLength(use.pattern, "");
  return {
    onRequest(exchange) {
      const replaced = exchange.path.replace(patternFor(exchange.path), use.replacement);
      if (replaced === exchange.path) return undefined;
      const path = normalisePath(replaced.startsWith("/") ? replaced : `/${replaced}`);
      if (path === undefined) {
        return { status: 400, fields: [["Content-Type", "text/plain"]], body: "Bad path.\n" };
      }
      exchange.path = path.path;
      exchange.mount = "";
      return undefined;
    },
  };
}
