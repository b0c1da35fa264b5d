// What an application says of its own URLs, put right for clients that have it below another path: `Location`,
// `Content-Location`, `Refresh`, and `Path` and `Domain` of cookies. Bodies are left alone.
//
// Applications that know where they are mounted answer with the right path already: what begins with the clients' prefix is
// left as it is, unless that prefix is itself one of the application's (mounted at `/a`, coming from `/a/b`).
// Everything takes time linear in the length of a field: backends are not trusted either.

import type { Backend } from "../config/service.ts";
import type { RestoredUrls } from "../config/snapshot.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import { isUnder } from "../lib/path.ts";
import type { LiveService } from "../upstream/live-service.ts";

/** Names a host may be called by, in lower case, with a port if one was written. */
export interface Hosts {
  /** As the client asked. Its URLs keep their scheme and host. */
  readonly asked: string;
  /** As the backend was told, and as it is called in the configuration: URLs of it become paths. */
  readonly told: readonly string[];
}

/** What a backend may call itself, as far as that is known. */
export function hostsOf(
  { request }: Exchange,
  { hosts }: RestoredUrls,
  { settings }: LiveService,
  { authority }: Backend,
): Hosts {
  const { host } = settings;
  const said = typeof host === "string" ? [] : [host.value.toLowerCase()];
  return { asked: request.host.toLowerCase(), told: [authority.toLowerCase(), ...said, ...hosts] };
}

/** Rewrites the fields of an answer in place. */
export function restoreUrls(fields: Fields, restored: RestoredUrls, hosts: Hosts): void {
  const url = (text: string) => restoredUrl(text, restored, hosts);
  rewrite(fields, "Location", url);
  rewrite(fields, "Content-Location", url);
  rewrite(fields, "Refresh", (text) => restoredRefresh(text, url));
  rewrite(fields, "Set-Cookie", (text) => restoredCookie(text, restored, hosts));
}

function rewrite(fields: Fields, name: string, change: (value: string) => string): void {
  const lower = name.toLowerCase();
  const values = fields.valuesOf(lower);
  if (values.length === 0) return;
  const changed = values.map(change);
  if (changed.every((each, at) => each === values[at])) return;
  // All of them, so that their order stays: of two cookies of one name the last one counts.
  fields.dropNamed(lower);
  for (const each of changed) fields.add(name, each);
}

// --- URLs ----------------------------------------------------------------------------------------

/** @param text an absolute URL, one without a scheme, or a path; anything else is left as it is */
export function restoredUrl(text: string, restored: RestoredUrls, { asked, told }: Hosts): string {
  if (text.startsWith("/") && !/^\/[/\\]/.test(text)) return restoredPath(text, restored);
  const start = /^(?:(https?):)?\/\//i.exec(text);
  if (start === null) return text;
  const hostStart = start[0].length;
  const rest = text.slice(hostStart).search(/[/?#\\]/);
  const hostEnd = rest < 0 ? text.length : hostStart + rest;
  const scheme = (start[1] ?? "").toLowerCase();
  const host = withoutUsualPort(text.slice(hostStart, hostEnd).toLowerCase(), scheme);
  const isAsked = host === withoutUsualPort(asked, scheme);
  if (!isAsked && !told.some((each) => withoutUsualPort(each, scheme) === host)) return text;
  const behind = text.slice(hostEnd);
  const path = restoredPath(behind.startsWith("/") ? behind : `/${behind}`, restored);
  return isAsked ? text.slice(0, hostEnd) + path : withoutHost(path);
}

/** Two slashes, or what browsers take for them, would be the start of a host. */
function withoutHost(path: string): string {
  return path.replace(/^\/[/\\]+/, "/");
}

function withoutUsualPort(host: string, scheme: string): string {
  if (scheme !== "https" && host.endsWith(":80")) return host.slice(0, -3);
  if (scheme !== "http" && host.endsWith(":443")) return host.slice(0, -4);
  return host;
}

/** @param text a path that begins with one slash, and what follows it */
function restoredPath(text: string, { from, to }: RestoredUrls): string {
  const end = prefixEnd(text, from);
  if (end < 0) return text;
  const isRight = to !== "" && to !== from && (from === "" || isUnder(to, from));
  if (isRight && prefixEnd(text, to) >= 0) return text;
  const path = to + text.slice(end);
  return path.startsWith("/") ? withoutHost(path) : `/${path}`;
}

/**
 * Where the prefix ends in a path in which any letter may be percent-encoded, on a segment boundary; -1 = it does not begin
 * so. @param prefix normalised, without a trailing slash
 */
function prefixEnd(text: string, prefix: string): number {
  let at = 0;
  for (let wanted = 0; wanted < prefix.length;) {
    if (text.charCodeAt(at) !== 37 /* % */) {
      if (text.charCodeAt(at) !== prefix.charCodeAt(wanted)) return -1;
      at += 1;
      wanted += 1;
      continue;
    }
    const encoded = text.slice(at, at + 3).toUpperCase();
    const letter = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    if (prefix.startsWith(encoded, wanted)) wanted += 3;
    else if (letter !== "/" && prefix.charAt(wanted) === letter) wanted += 1;
    else return -1;
    at += 3;
  }
  const next = text.charAt(at);
  return next === "" || next === "/" || next === "?" || next === "#" ? at : -1;
}

// --- Refresh -------------------------------------------------------------------------------------

/** `5; url=/x` as browsers read it (HTML, "shared declarative refresh steps"): the name and quotes may be left out. */
export function restoredRefresh(text: string, change: (url: string) => string): string {
  const start = /^\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?/i.exec(text);
  if (start === null) return text;
  const at = start[0].length;
  const quote = text.charAt(at);
  if (quote !== "'" && quote !== '"') return start[0] + change(text.slice(at));
  const close = text.indexOf(quote, at + 1);
  const end = close < 0 ? text.length : close;
  return text.slice(0, at + 1) + change(text.slice(at + 1, end)) + text.slice(end);
}

// --- cookies -------------------------------------------------------------------------------------

/** `Path` follows the mount, a `Domain` of the backend's own goes (RFC 6265 section 5.2). */
export function restoredCookie(text: string, restored: RestoredUrls, hosts: Hosts): string {
  const first = text.indexOf(";");
  if (first < 0) return text;
  // Browsers refuse it with any other path than "/".
  const isHostBound = /^\s*__host-/i.test(text.slice(0, 32));
  let changed = text.slice(0, first);
  for (const attribute of text.slice(first + 1).split(";")) {
    const sign = attribute.indexOf("=");
    const name = sign < 0 ? "" : attribute.slice(0, sign).trim().toLowerCase();
    const value = attribute.slice(sign + 1).trim();
    if (name === "domain" && isForeign(value, restored, hosts)) continue;
    const isMoved = name === "path" && value.startsWith("/") && !isHostBound;
    changed += isMoved ? `; Path=${cookiePath(value, restored)}` : `;${attribute}`;
  }
  return changed;
}

/** A cookie for `/app/` would not be sent to `/app`. */
function cookiePath(path: string, restored: RestoredUrls): string {
  const { from, to } = restored;
  if (to !== "" && (path === from || path === `${from}/`)) {
    return path === "/" || path === from ? to : `${to}/`;
  }
  return restoredPath(path, restored);
}

function isForeign(
  domain: string,
  { cookieDomains }: RestoredUrls,
  { asked, told }: Hosts,
): boolean {
  const name = bare(domain);
  if (cookieDomains.some((each) => bare(each) === name)) return true;
  return name !== bare(asked) && told.some((each) => bare(each) === name);
}

/** Without a port and the dot in front that means nothing. */
function bare(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "").replace(/^\./, "");
}
