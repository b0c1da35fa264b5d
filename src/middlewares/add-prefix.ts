// Puts a prefix in front of the path: `/users` reaches the backend as `/api/users`.

import type { Middleware } from "./middleware.ts";

export function addPrefix({ prefix }: { readonly prefix: string }): Middleware {
  return {
    onRequest(exchange) {
      if (exchange.path !== "*") exchange.path = prefix + exchange.path;
      exchange.mount = "";
      return undefined;
    },
  };
}
