// What keeps web pages of others out: a name in Host that only resolves to us (DNS rebinding), requests that a page
// elsewhere makes with what the browser remembers (CSRF), and what browsers are told about our answers.

import { isIP } from "node:net";
import { type Reply, refused } from "./reply.ts";

export interface GuardSettings {
  readonly hosts: readonly string[];
  readonly cors: readonly string[];
}

export const csrfHeader = "X-Tidegate-Csrf";

export const securityHeaders: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
};

/** Whoever asks by a name of somebody else was led here. */
export function refuseHost(host: string | undefined, { hosts }: GuardSettings): Reply | undefined {
  const name = nameOf(host ?? "");
  if (name === "localhost" || isIP(name) !== 0 || hosts.includes(name)) return undefined;
  const shown = JSON.stringify(name.slice(0, 100));
  const detail = `${shown} is no name of this API; ask by address, or add the name to admin.hosts`;
  return refused(421, { detail });
}

function nameOf(host: string): string {
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return (bracketed ?? plain).toLowerCase().replace(/\.$/, "");
}

/** Of requests that change something; whatever they log in with. */
export function refuseOrigin(headers: Headers, { cors }: GuardSettings): Reply | undefined {
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const host = headers.get("host") ?? "";
  const isFine =
    origin === null
      ? site === null || site === "none" || site === "same-origin"
      : cors.includes(origin) || hostOf(origin) === host.toLowerCase();
  if (isFine) return undefined;
  const detail = `a page of ${origin ?? "somebody else"} may not do this; if it should, add it to admin.cors`;
  return refused(403, { detail });
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** For an origin that may use the API; no cookies, so it needs a token. */
export function corsHeaders(
  origin: string | null,
  { cors }: GuardSettings,
): Readonly<Record<string, string>> {
  if (cors.length === 0) return {};
  if (origin === null || !cors.includes(origin)) return { Vary: "Origin" };
  return {
    Vary: "Origin",
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": "ETag, Link, Location, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
  };
}

export function preflightHeaders(allow: string): Readonly<Record<string, string>> {
  return {
    "Access-Control-Allow-Methods": allow,
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match",
    "Access-Control-Max-Age": "600",
  };
}
