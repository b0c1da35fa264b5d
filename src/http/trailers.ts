// Trailer sections: checked like any other fields, and rid of those that must not come late.

import type { FailureCode } from "./errors.ts";
import { Fields } from "./fields.ts";

/** Fields that frame, route, authenticate or control (RFC 9110 section 6.5.1). In lower case. */
const forbidden: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "content-length",
  "content-encoding",
  "content-type",
  "content-range",
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "upgrade",
  "te",
  "trailer",
  "expect",
  "max-forwards",
  "cache-control",
  "range",
  "pragma",
  "authorization",
  "www-authenticate",
  "set-cookie",
  "cookie",
  "age",
  "expires",
  "date",
  "location",
  "retry-after",
  "vary",
  "forwarded",
  "x-real-ip",
  "client-cert",
  "client-cert-chain",
]);

export type Trailers =
  | { readonly kind: "trailers"; readonly lines: string }
  | { readonly kind: "bad"; readonly why: FailureCode };

/** Of those that are being read. Every gRPC call has some. */
const fields = new Fields();

/**
 * Checks trailer lines and leaves out the forbidden ones.
 * @param lines each with its CR LF, without the empty line
 */
export function readTrailers(lines: string): Trailers {
  if (lines === "") return { kind: "trailers", lines };
  const why = fields.read(lines, 0, lines.length, maxTrailers);
  if (why !== undefined) return { kind: "bad", why };
  for (let index = 0; index < fields.count; index++) {
    const name = fields.nameAt(index).toLowerCase();
    // Gateways in the CGI tradition take an underscore for a hyphen.
    const folded = name.replaceAll("_", "-");
    if (forbidden.has(folded) || folded.startsWith("x-forwarded-")) fields.dropNamed(name);
  }
  return { kind: "trailers", lines: fields.serialise() };
}

const maxTrailers = 100;
