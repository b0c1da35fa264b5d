// What of a request concerns a cache: whether it is for one at all, and what of it could have made the answer.

import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import { cookieOf } from "../http/cookies.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { forwardedFields } from "../http/forwarded-fields.ts";
import { readDirectives } from "./directives.ts";
import type { Asked } from "./policy.ts";

/**
 * Fields that browsers and well-known programs send, and that either make no difference, or one that Vary names, or that we
 * look after ourselves. With any other one an answer may be another one: it is kept only if Vary or the key
 * names the field.
 */
const usual: ReadonlySet<string> = new Set([
  ...["accept", "accept-charset", "accept-encoding", "accept-language", "user-agent", "referer"],
  ...["host", "connection", "keep-alive", "te", "upgrade-insecure-requests", "cache-control"],
  ...["pragma", "if-none-match", "if-modified-since", "if-range", "range", "content-length"],
  ...["origin", "dnt", "priority", "save-data", "purpose", "date", "via", "cookie"],
  ...["authorization", "traceparent", "tracestate", "x-request-id", "x-requested-with"],
  ...["device-memory", "dpr", "viewport-width", "width", "downlink", "ect", "rtt", "from"],
  ...["accept-datetime", "available-dictionary", "dictionary-id", "x-debug", "expect"],
]);

/** Characters. */
const longestUsual = 1000;

const personal: ReadonlySet<string> = new Set(["cookie", "authorization"]);

/** Said anew by us, whatever a client says; of Forwarded not all, which is looked at by itself. */
const ours: ReadonlySet<number> = new Set<number>(
  forwardedFields.filter((each) => each !== Field.FORWARDED),
);

/** Fields of a request that a question of our own does not have: conditions and parts are ours to ask for. */
export const notAsked = [
  ...["range", "if-range", "if-match", "if-none-match", "if-modified-since"],
  ...["if-unmodified-since", "accept-encoding", "x-debug", "cache-control", "pragma", "expect"],
] as const;

/** Methods whose answers are kept, with nothing in the request that makes it more than a look at something. */
export function isForCache(use: CacheUse, { request }: Exchange): boolean {
  const { method, fields } = request;
  if (method !== "GET" && method !== "HEAD") return false;
  // A GET with a body: the body would be part of what is asked for, and is part of no key.
  if (request.bodyLength !== 0 || request.isUpgrade || request.minor === 0) return false;
  if (fields.times(Field.UPGRADE) > 0) return false;
  if (fields.get("if-match") !== undefined) return false;
  if (fields.get("if-unmodified-since") !== undefined) return false;
  return use.bypass.length === 0 || !use.bypass.some((part) => hasPart(request, part));
}

function hasPart(
  request: Exchange["request"],
  { from, name }: CacheUse["bypass"][number],
): boolean {
  if (from === "header") return request.fields.get(name) !== undefined;
  if (from === "cookie") return cookieOf(request.fields.get("cookie"), name) !== "";
  return new URLSearchParams(request.query).has(name);
}

/** @param fields with those that middlewares added */
export function askedOf(use: CacheUse, exchange: Exchange, fields: Fields): Asked {
  const { origin } = exchange;
  const said = use.obey ? readDirectives(fields.get("cache-control") ?? "") : undefined;
  return {
    hasAuthorization: hasProof(exchange),
    hasCookies: use.cookies === undefined && hasCookies(fields),
    unusual: unusualOf(use, fields, origin.isPeerTrusted),
    isSecret: said?.has("no-store") ?? false,
  };
}

export function hasCookies(fields: Fields): boolean {
  return fields.passedOn("cookie") !== undefined;
}

/** The backend can know who it is: by a password, by what a middleware found out, or by the certificate it is told of. */
export function hasProof({ request, origin, user }: Exchange): boolean {
  // A middleware may have taken the password out, and told the backend who it is in another way.
  if (user !== "" || hasAuthorization(request.fields)) return true;
  return (origin.tls?.clientCertificate ?? "") !== "";
}

/** Also one that a middleware put there, as a server for `forwardAuth` may tell it to. */
function hasAuthorization(fields: Fields): boolean {
  return fields.times(Field.AUTHORIZATION) > 0 || fields.passedOn("authorization") !== undefined;
}

/** Only what is for everybody may be given to it. */
export function isKnownClient(use: CacheUse, exchange: Exchange): boolean {
  return hasProof(exchange) || (use.cookies === undefined && hasCookies(exchange.request.fields));
}

/** Nobody else may be given what such a request is answered, unless the answer says so. */
export function isPersonal({ hasAuthorization, hasCookies: has, unusual }: Asked): boolean {
  return hasAuthorization || has || unusual.length > 0;
}

/** Names of fields that could make another answer. @param fields with those that middlewares added */
export function unusualOf(
  use: Pick<CacheUse, "headers" | "harmless">,
  fields: Fields,
  isPeerTrusted: boolean,
): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < fields.count; at++) {
    const id = fields.idAt(at);
    if (id === Field.DROPPED || ours.has(id)) continue;
    // Not passed on, unless a trusted proxy sent it: then it may name a host.
    if (id === Field.FORWARDED && !(isPeerTrusted && /host=/i.test(fields.valueAt(at)))) continue;
    const name = fields.nameAt(at).toLowerCase();
    const isUsual = usual.has(name) || name.startsWith("sec-");
    // So long, it makes errors; a cookie or password makes the request one for itself anyway.
    if (isUsual && (fields.valueAt(at).length <= longestUsual || personal.has(name))) continue;
    if (use.headers.includes(name) || use.harmless.includes(name)) continue;
    found.push(name);
  }
  return found;
}

/** Obeyed only where the route says so: any client could have a backend asked for everything. */
export function wants(use: CacheUse, { request }: Exchange): "any" | "new" | "old" {
  if (!use.obey) return "any";
  const said = readDirectives(request.fields.get("cache-control") ?? "");
  if (said.has("only-if-cached")) return "old";
  const isNew = said.has("no-cache") || said.get("max-age") === "0";
  return isNew || (said.size === 0 && /no-cache/i.test(request.fields.get("pragma") ?? ""))
    ? "new"
    : "any";
}
