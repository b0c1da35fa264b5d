// The template language of the access log: text with `$variables`, named as nginx names them. It lives
// here, so that a misspelt variable is a problem of the configuration and not of the first request;
// what a variable prints is decided in proxy/log-line.ts, which takes its list of names from here.

import { nearest } from "../lib/nearest.ts";

export const variables = [
  "remote_addr",
  "remote_user",
  "time_local",
  "time_iso8601",
  "msec",
  "request",
  "request_method",
  "request_uri",
  "request_length",
  "server_protocol",
  "status",
  "body_bytes_sent",
  "http_referer",
  "http_user_agent",
  "host",
  "request_time",
  "upstream_addr",
  "upstream_response_time",
  "route",
  "service",
  "site",
  "failure",
  "grpc_status",
  "attempts",
  "request_id",
  "trace_id",
] as const;

export type Variable = (typeof variables)[number];

export type FormatPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: Variable };

export type ParsedFormat =
  | { readonly kind: "template"; readonly parts: readonly FormatPart[] }
  | { readonly kind: "bad"; readonly why: string };

/** Formats that are no templates. */
export const namedFormats = ["combined", "json", "hipache"] as const;

/** Splits a template; formats that have a name do not come here. */
export function parseFormat(format: string): ParsedFormat {
  // A line end inside a template would make two lines of one request, and forgery thinkable.
  if (/\p{Cc}/u.test(format)) {
    return { kind: "bad", why: "an access log format cannot hold line ends or control characters" };
  }
  const parts: FormatPart[] = [];
  let from = 0;
  for (const match of format.matchAll(/\$(?:\{(\w+)\}|(\w+))?/g)) {
    const name = match[1] ?? match[2];
    if (name === undefined) {
      return {
        kind: "bad",
        why: "a $ in an access log format must be followed by a variable's name",
      };
    }
    const known = variables.find((each) => each === name);
    if (known === undefined) return { kind: "bad", why: unknown(name) };
    if (match.index > from) parts.push({ kind: "text", text: format.slice(from, match.index) });
    parts.push({ kind: "variable", name: known });
    from = match.index + match[0].length;
  }
  if (from < format.length) parts.push({ kind: "text", text: format.slice(from) });
  if (!parts.some(({ kind }) => kind === "variable")) {
    return {
      kind: "bad",
      why: "an access log format is combined, json, hipache, or a text with $variables",
    };
  }
  return { kind: "template", parts };
}

/** What is wrong with an access log format, or undefined. */
export function checkFormat(format: string): string | undefined {
  if (namedFormats.some((each) => each === format)) return undefined;
  const parsed = parseFormat(format);
  return parsed.kind === "bad" ? parsed.why : undefined;
}

function unknown(name: string): string {
  const close = nearest(name, variables);
  return `unknown access log variable $${name}${close === undefined ? "" : `, did you mean $${close}?`}`;
}
