// How Hipache talks to clients, for `compat.hipache`: its statuses where ours differ, its headers on error pages
// and for whoever debugs, and the answer to a ping. Scripts and monitoring read all of these.

import type { FailureCode } from "../http/errors.ts";
import { factsOf } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { normaliseHost } from "../lib/host.ts";
import { programVersion } from "../lib/version.ts";
import type { Answer } from "../middlewares/middleware.ts";
import type { LiveService } from "../upstream/live-service.ts";
import { errorPage, type ErrorPages } from "./error-page.ts";

const version = programVersion();

/** Asked for by load balancers in front; whatever the path, and whatever is known of routes. */
export const ping: { readonly host: string; readonly answer: Answer } = {
  host: "__ping__",
  answer: { status: 200, fields: [["Content-Type", "text/plain"]], body: "ok" },
};

/** Where it answers otherwise than we do. What it does not have keeps its own status. */
const statuses: ReadonlyMap<FailureCode, number> = new Map([
  ["NO_ROUTE", 400],
  ["NO_BACKEND", 502],
]);

interface Failed {
  readonly code: FailureCode;
  /** What we would answer. */
  readonly status: number;
  readonly pages: ErrorPages;
}

export function hipacheFailure(exchange: Exchange, { code, status, pages }: Failed): Answer {
  const shown = statuses.get(code) ?? status;
  const own = pages.byStatus.get(shown) ?? pages.fallback;
  const debug = [
    ["x-debug-error", reasonOf(exchange, code)],
    ["x-debug-version-hipache", version],
  ] as const;
  return {
    status: shown,
    fields: [
      ["Content-Type", "text/html"],
      ["Cache-Control", "no-cache"],
      ["Pragma", "no-cache"],
      ["Expires", "-1"],
      ...(exchange.isHipacheDebug ? debug : []),
    ],
    // Answers are written as single bytes.
    body: own === undefined ? builtIn(exchange, code, shown) : Buffer.from(own).latin1Slice(),
  };
}

function builtIn({ request }: Exchange, code: FailureCode, status: number): string {
  const options = { pages: undefined, host: request.host, code };
  return errorPage(status, factsOf(code).text, "text/html", options).body;
}

function reasonOf({ request, attempts }: Exchange, code: FailureCode): string {
  if (code === "NO_ROUTE") return "frontend not found";
  if (code === "NO_BACKEND") return "Cannot find a valid backend";
  if (code === "BAD_HOST" && request.host === "") return "no host header";
  const { side, text } = factsOf(code);
  if (side !== "upstream") return text;
  return attempts > 1 ? "Reached max retries limit" : "Retry on error is disabled";
}

/** Lines for the head of an answer. */
export function hipacheDebug(exchange: Exchange, service: LiveService): string {
  const { backendUrl, backendMs, startedAt, site, request } = exchange;
  const place = service.settings.backends.findIndex(({ url }) => url === backendUrl);
  const lines: readonly (readonly [string, string])[] = [
    ["x-debug-version-hipache", version],
    ["x-debug-backend-url", URL.parse(backendUrl)?.href ?? backendUrl],
    ["x-debug-backend-id", String(place)],
    ["x-debug-vhost", site],
    ["x-debug-frontend-key", normaliseHost(request.host) ?? ""],
    ["x-debug-time-total", String(Math.round(performance.now() - startedAt))],
    ["x-debug-time-backend", String(Math.round(backendMs))],
  ];
  // What stands in Redis may be anything, and must not begin a line of its own.
  return lines.map(([name, value]) => `${name}: ${value.replace(/[^ -~]/g, "?")}\r\n`).join("");
}
