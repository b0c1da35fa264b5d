// Redirects requests whose whole URL the pattern matches, and lets the others go on. What matched is replaced,
// the rest of the URL stays: a pattern that is not anchored redirects to the URL with a piece exchanged.

import { patternRedirect } from "../config/limits.ts";
import { isBounded, regExpByLength } from "../lib/bounded-regexp.ts";
import { javaScriptReplacement } from "../lib/replacement.ts";
import type { Middleware } from "./middleware.ts";
import { isSecure, uriOf } from "./requested-url.ts";

export function redirectMatch(use: {
  readonly pattern: string;
  readonly flags: string;
  readonly to: string;
  readonly status: number;
}): Middleware {
  const patternFor = regExpByLength(use.pattern, use.flags);
  const replacement = javaScriptReplacement(use.to);
  const longest = isBounded(use.pattern, use.flags) ? Infinity : patternRedirect.unboundedUrl;
  return {
    onRequest(exchange) {
      const scheme = isSecure(exchange) ? "https" : "http";
      const url = `${scheme}://${exchange.request.host}${uriOf(exchange)}`;
      // Who asked for no host has no URL.
      if (exchange.request.host === "" || url.length > longest) return undefined;
      const target = url.replace(patternFor(url), replacement);
      // To itself it would be for ever.
      if (target === url) return undefined;
      if (target === "" || target.length > patternRedirect.target) {
        const body = "This address leads nowhere.\n";
        return { status: 404, fields: [["Content-Type", "text/plain; charset=utf-8"]], body };
      }
      return { status: use.status, fields: [["Location", asFieldValue(target)]], body: "" };
    },
  };
}

/** Whatever the configuration let through: no line end, no control, no space, nothing beyond ASCII. */
function asFieldValue(target: string): string {
  const local = target.replace(/^\/{2,}/, "/");
  return local.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.toWellFormed()));
}
