// Sends clients to the one right host of a site: scheme, path and query stay. Where it leads is written in the
// configuration, or is the host that was asked for with a www more or less.

import { isIP } from "node:net";
import type { RedirectHostUse } from "../config/middlewares/uses/redirect.ts";
import { normaliseHost } from "../lib/host.ts";
import type { Middleware } from "./middleware.ts";
import { isSecure, uriOf } from "./requested-url.ts";

export function redirectHost({ to, from, status }: RedirectHostUse): Middleware {
  // A usual port is not said: browsers would leave it out, and come here again.
  const fixed = typeof to === "string" ? to.replace(/:(?:80|443)$/, "") : undefined;
  const isMeant = (host: string) => from.length === 0 || from.some((each) => fits(host, each));
  return {
    onRequest(exchange) {
      const asked = exchange.request.host;
      const host = normaliseHost(asked);
      // HTTP/1.0 needs no Host, and then there is nowhere else either.
      if (host === undefined || host === "" || !isMeant(host)) return undefined;
      const [port = ""] = /:\d+$/.exec(asked) ?? [];
      const target = typeof to === "string" ? fixed : changed(host, port, to.www);
      if (target === undefined || target === host || target === host + port) return undefined;
      const scheme = isSecure(exchange) ? "https" : "http";
      const location = `${scheme}://${target}${uriOf(exchange)}`;
      return { status, fields: [["Location", location]], body: "" };
    },
  };
}

function fits(host: string, wanted: string): boolean {
  return wanted.startsWith("*.") ? host.endsWith(wanted.slice(1)) : host === wanted;
}

/** undefined = it is right, or no name that could have a www. */
function changed(host: string, port: string, www: "add" | "remove"): string | undefined {
  const hasWww = host.startsWith("www.");
  if (www === "remove") {
    const bare = host.slice(4);
    return hasWww && bare.includes(".") ? bare + port : undefined;
  }
  const isName = host.includes(".") && isIP(host) === 0 && !host.startsWith("[");
  return hasWww || !isName ? undefined : `www.${host}${port}`;
}
