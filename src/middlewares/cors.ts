// Cross-origin requests as the Fetch standard has them: preflights are answered here, before anybody is asked for a
// password, and what the backend says of origins itself is replaced.

import { corsLimits } from "../config/answer-limits.ts";
import type { CorsUse } from "../config/middlewares/uses/answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import { boundedRegExp } from "../lib/bounded-regexp.ts";
import type { Answer, Middleware } from "./middleware.ts";

const plainText = ["Content-Type", "text/plain; charset=utf-8"] as const;
const varyOfPreflights =
  "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network";

export function cors(use: CorsUse): Middleware {
  const isAllowed = allowing(use);
  const isForAll = use.origins.includes("*");
  const exposed = use.exposed.join(", ");
  return {
    onRequest(exchange) {
      const isPreflight =
        exchange.method === "OPTIONS" &&
        exchange.header("origin") !== undefined &&
        exchange.header("access-control-request-method") !== undefined;
      return isPreflight ? preflight(exchange, use, isAllowed) : undefined;
    },
    onResponse(exchange, { fields }) {
      fields.dropWhere((name) => name.startsWith("access-control-"));
      // A cache must not give to one origin what was said to another.
      if (!isForAll) addVary(fields);
      const origin = exchange.header("origin");
      if (origin === undefined || !isAllowed(origin)) return;
      fields.add("Access-Control-Allow-Origin", isForAll ? "*" : origin);
      if (use.credentials) fields.add("Access-Control-Allow-Credentials", "true");
      if (exposed !== "") fields.add("Access-Control-Expose-Headers", exposed);
    },
  };
}

function addVary(fields: Fields): void {
  const vary = fields.passedOn("vary") ?? "";
  const isThere = vary.split(",").some((each) => /^(?:\*|origin)$/i.test(each.trim()));
  if (!isThere) fields.add("Vary", "Origin");
}

/** Compared with the whole origin, as browsers write it: in lower case, and without a usual port. */
function allowing({ origins, patterns }: CorsUse): (origin: string) => boolean {
  if (origins.includes("*")) return () => true;
  const exact = new Set(origins.filter((each) => !each.includes("*")));
  const wild = origins
    .filter((each) => each.includes("*"))
    .map((each) => {
      const [scheme = "", rest = ""] = each.split("*");
      return { scheme, rest };
    });
  const like = patterns.map(({ pattern, flags }) => boundedRegExp(pattern, flags));
  return (origin) => {
    if (exact.has(origin)) return true;
    // Whoever hides its origin may be anybody, and names on two lines are nobody's.
    if (origin === "null" || origin.length > corsLimits.origin || !oneOrigin.test(origin)) {
      return false;
    }
    return (
      wild.some(({ scheme, rest }) => isBelow(origin, scheme, rest)) ||
      like.some((pattern) => pattern.test(origin))
    );
  };
}

const oneOrigin =
  /^[a-z][a-z0-9+.-]*:\/\/[\w.-]+(?::\d{1,5})?$|^[a-z][a-z0-9+.-]*:\/\/\[[0-9a-f:]+\](?::\d{1,5})?$/;

/** `https://` and `.example.com`, and one or more labels between them. */
function isBelow(origin: string, scheme: string, rest: string): boolean {
  if (!origin.startsWith(scheme) || !origin.endsWith(rest)) return false;
  return /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(origin.slice(scheme.length, -rest.length));
}

function preflight(
  exchange: Exchange,
  use: CorsUse,
  isAllowed: (origin: string) => boolean,
): Answer {
  const origin = exchange.header("origin") ?? "";
  const vary = ["Vary", varyOfPreflights] as const;
  if (!isAllowed(origin)) {
    const body = "Scripts of this origin may not use this site.\n";
    return { status: 403, fields: [plainText, vary], body };
  }
  const isForAll = use.origins.includes("*");
  const headers = allowedHeaders(exchange, use);
  const fields: (readonly [string, string])[] = [
    ["Access-Control-Allow-Origin", isForAll ? "*" : origin],
    ["Access-Control-Allow-Methods", use.methods.join(", ")],
    ["Access-Control-Max-Age", String(Math.floor(use.maxAge / 1000))],
    vary,
  ];
  if (headers !== "") fields.push(["Access-Control-Allow-Headers", headers]);
  if (use.credentials) fields.push(["Access-Control-Allow-Credentials", "true"]);
  const isPrivate = exchange.header("access-control-request-private-network") === "true";
  if (isPrivate && use.privateNetwork) {
    fields.push(["Access-Control-Allow-Private-Network", "true"]);
  }
  return { status: 204, fields, body: "" };
}

/** A `*` of ours means little to browsers that send cookies: what was asked for is said, if it is names. */
function allowedHeaders(exchange: Exchange, { headers }: CorsUse): string {
  if (headers !== "*") return headers.join(", ");
  const asked = exchange.header("access-control-request-headers") ?? "";
  const isFine = asked.length <= corsLimits.headers && /^[\w!#$%&'*+.^`|~, -]*$/.test(asked);
  return isFine ? asked : "";
}
