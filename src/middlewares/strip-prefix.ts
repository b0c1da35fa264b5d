// Takes a prefix off the path: `/api/users` reaches the backend as `/users`. On a segment boundary only.

import { isUnder } from "../lib/path.ts";
import type { Middleware } from "./middleware.ts";

export function stripPrefix({ prefixes }: { readonly prefixes: readonly string[] }): Middleware {
  return {
    onRequest(exchange) {
      const prefix = prefixes.find((each) => isUnder(exchange.path, each));
      if (prefix === undefined) return undefined;
      const rest = exchange.path.slice(prefix.length);
      exchange.path = rest.startsWith("/") ? rest : `/${rest}`;
      exchange.mount += prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
      return undefined;
    },
  };
}
