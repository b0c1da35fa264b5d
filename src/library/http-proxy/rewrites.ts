// What http-proxy makes of paths, redirects, cookies and `X-Forwarded-*`: plain functions.

import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { type Target, readTarget } from "../../http/target.ts";
import type { Place, ServerOptions } from "./options.ts";

/** Path and query for the backend; undefined = the request's is malformed. */
export function pathFor(
  request: IncomingMessage,
  place: Place,
  { prependPath, ignorePath }: ServerOptions,
): string | undefined {
  const own = prependPath === false ? "/" : place.path;
  const asked = ignorePath === true ? "" : askedOf(request.url ?? "", request.method ?? "GET");
  return asked === undefined ? undefined : joined(own, asked);
}

/** As it came, but dot segments are resolved: nobody climbs out of the path that is put in front. */
function askedOf(url: string, method: string): string | undefined {
  if (url === "" || url.startsWith("?")) return url;
  const target: Target = {
    ...{ path: "", rawPath: "", query: "" },
    ...{ hasQuery: false, authority: "" },
  };
  // A program may have cut off more than it should.
  const isWhole = url.startsWith("/") || url === "*" || /^https?:/i.test(url);
  if (!readTarget(isWhole ? url : `/${url}`, method, target)) return undefined;
  return target.hasQuery ? `${target.rawPath}?${target.query}` : target.rawPath;
}

/** One slash between them, and both queries. */
function joined(...parts: readonly string[]): string {
  const queries: string[] = [];
  let path = "";
  for (const part of parts) {
    const at = part.indexOf("?");
    if (at >= 0) queries.push(part.slice(at + 1));
    const piece = at < 0 ? part : part.slice(0, at);
    if (piece === "") continue;
    if (path.endsWith("/")) path += piece.startsWith("/") ? piece.slice(1) : piece;
    else path += piece.startsWith("/") || piece === "*" ? piece : `/${piece}`;
  }
  const query = queries.filter((each) => each !== "").join("&");
  return (path === "" ? "/" : path) + (query === "" ? "" : `?${query}`);
}

/** Added to what the client said, as http-proxy does it. @param scheme `http` or `ws` */
export function addForwarded(
  headers: OutgoingHttpHeaders,
  request: IncomingMessage,
  scheme: string,
): void {
  const host = hostOf(request);
  const isSecure = "encrypted" in request.socket;
  const port = /:(\d+)/.exec(host)?.[1] ?? (isSecure ? "443" : "80");
  const values = {
    for: request.socket.remoteAddress ?? "",
    port,
    proto: isSecure ? `${scheme}s` : scheme,
  };
  for (const [name, value] of Object.entries(values)) {
    const before = headers[`x-forwarded-${name}`];
    headers[`x-forwarded-${name}`] = before === undefined ? value : `${String(before)},${value}`;
  }
  headers["x-forwarded-host"] ||= host;
}

const redirects: ReadonlySet<number> = new Set([201, 301, 302, 307, 308]);

/** `Location`, where it leads to the target; as it came otherwise. */
export function locationFor(
  location: string,
  status: number,
  request: IncomingMessage,
  place: Place,
  { hostRewrite, autoRewrite, protocolRewrite }: ServerOptions,
): string {
  if (!hostRewrite && autoRewrite !== true && !protocolRewrite) return location;
  if (!redirects.has(status) || !URL.canParse(location)) return location;
  const url = new URL(location);
  if (url.host !== place.authority) return location;
  if (hostRewrite) setHost(url, hostRewrite);
  else if (autoRewrite === true) setHost(url, hostOf(request));
  if (protocolRewrite) url.protocol = protocolRewrite;
  return url.toString();
}

/** What the client wanted, also over HTTP/2; "" = it did not say. */
function hostOf({ headers }: IncomingMessage): string {
  const { ":authority": asked, host = "" } = headers;
  return typeof asked === "string" ? asked : host;
}

/** Without a port it has none, and not the one that was there. */
function setHost(url: URL, host: string): void {
  if (host === "") return;
  if (!/:\d+$/.test(host)) url.port = "";
  url.host = host;
}

/** @param property `domain` or `path` */
export function rewriteCookies(
  lines: readonly string[],
  rewrites: ServerOptions["cookieDomainRewrite"],
  property: string,
): readonly string[] {
  if (rewrites === undefined || rewrites === false) return lines;
  const table = typeof rewrites === "string" ? { "*": rewrites } : rewrites;
  const pattern = new RegExp(`(;[ \\t]*${property}=)([^;]+)`, "i");
  return lines.map((line) =>
    line.replace(pattern, (whole: string, start: string, before: string) => {
      const key = Object.hasOwn(table, before) ? before : "*";
      if (!Object.hasOwn(table, key)) return whole;
      const after = table[key];
      return after ? start + after : "";
    }),
  );
}

const aboutConnection: readonly string[] = [
  ...["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"],
  ...["proxy-authenticate", "proxy-authorization", "trailer"],
];

/** Lower-case names of fields that are about one connection (RFC 9110 section 7.6.1). */
export function hopByHop({ connection }: IncomingHttpHeaders): ReadonlySet<string> {
  const named = (connection ?? "").split(",").map((each) => each.trim().toLowerCase());
  const kept = named.filter((each) => each !== "content-length");
  return new Set([...aboutConnection, ...kept]);
}
