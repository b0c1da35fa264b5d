// What a server is asked about a request: the request's fields without its body, and who asked for what. It believes
// the latter, so that none of it comes from a client.

import type { ForwardAuthUse } from "../config/middlewares/uses/auth.ts";
import type { Exchange } from "../http/exchange.ts";
import { isSecure } from "./requested-url.ts";

export interface AuthQuestion {
  readonly method: string;
  /** Names and values by turns, as Node has them. */
  readonly fields: readonly string[];
}

/** About the connection, or the body that does not come along; and what could make it answer that nothing has changed. */
const left: ReadonlySet<string> = new Set([
  ...["host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"],
  ...["transfer-encoding", "content-length", "content-encoding", "expect", "http2-settings"],
  ...["proxy-authorization", "range", "if-range", "if-match", "if-none-match"],
  ...["if-modified-since", "if-unmodified-since", "x-real-ip", "forwarded"],
  ...["client-cert", "client-cert-chain", "sec-websocket-key", "sec-websocket-extensions"],
]);

/** Reads the head at once: it is another request's when somebody has been waited for. */
export function questionOf(exchange: Exchange, use: ForwardAuthUse): AuthQuestion {
  const { request } = exchange;
  const { fields } = request;
  const named = new Set(
    (fields.get("connection") ?? "")
      .toLowerCase()
      .split(",")
      .map((each) => each.trim()),
  );
  const out: string[] = [];
  for (let at = 0; at < fields.count; at++) {
    const name = fields.nameAt(at);
    const lower = name.toLowerCase();
    if (isLeft(lower) || named.has(lower)) continue;
    if (use.requestHeaders !== undefined && !use.requestHeaders.includes(lower)) continue;
    // What another middleware took away is not passed on to anybody.
    if (!fields.valuesOf(lower).includes(fields.valueAt(at))) continue;
    out.push(name, fields.valueAt(at));
  }
  out.push(...claims(exchange, use.trustForwardHeader));
  return { method: use.preserveMethod ? request.method : "GET", fields: out };
}

function isLeft(lower: string): boolean {
  // Programs behind gateways read X_Forwarded_For as X-Forwarded-For.
  const folded = lower.replaceAll("_", "-");
  return left.has(folded) || folded.startsWith("x-forwarded-") || folded.startsWith("x-original-");
}

function claims(exchange: Exchange, believesAll: boolean): string[] {
  const { request, origin, clientIp } = exchange;
  const said = (name: string) =>
    believesAll || origin.isPeerTrusted ? (request.fields.get(name) ?? "") : "";
  const anyway = (name: string) => (believesAll ? (request.fields.get(name) ?? "") : "");
  const proto = anyway("x-forwarded-proto") || (isSecure(exchange) ? "https" : "http");
  const host = said("x-forwarded-host") || request.host;
  // As routes were matched, and as the backend will get it: not another spelling of it.
  const path = request.path === "*" ? "/" : request.path;
  const own = request.hasQuery ? `${path}?${request.query}` : path;
  const uri = anyway("x-forwarded-uri") || own;
  const method = anyway("x-forwarded-method") || request.method;
  const port = said("x-forwarded-port") || String(origin.localPort);
  return [
    ...["X-Forwarded-Method", method, "X-Forwarded-Proto", proto, "X-Forwarded-Host", host],
    ...["X-Forwarded-Uri", uri, "X-Forwarded-For", anyway("x-forwarded-for") || clientIp],
    ...["X-Forwarded-Port", port, "X-Real-IP", clientIp],
    // As nginx's auth_request is usually set up.
    ...["X-Original-Method", method, "X-Original-URL", `${proto}://${host}${uri}`],
  ];
}
