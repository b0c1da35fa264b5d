// Swaps one prefix of the path for another: with `/seafmedia` → `/media`, `/seafmedia/a.png` becomes
// `/media/a.png`. On a segment boundary only.

import { isUnder } from "../lib/path.ts";
import type { Middleware } from "./middleware.ts";

export function replacePrefix(use: { readonly from: string; readonly to: string }): Middleware {
  const to = use.to === "/" ? "" : use.to;
  const length = use.from === "/" ? 0 : use.from.length;
  return {
    onRequest(exchange) {
      if (isUnder(exchange.path, use.from)) {
        exchange.path = to + exchange.path.slice(length) || "/";
        exchange.mount = to === "" ? exchange.mount + use.from.slice(0, length) : "";
      }
      return undefined;
    },
  };
}
