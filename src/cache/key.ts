// What makes two requests the same: everything of them that reaches the backend and is not said to be without effect. **What is
// not in the key is not sent**, so nobody can make an answer for others by something that the key does not see: the query is
// sent as the key has it, and so are Host, Accept-Encoding and the cookies.

import { longestCacheKey } from "../config/cache-limits.ts";
import type { CachedQuery, CacheUse } from "../config/middlewares/uses/cache.ts";
import { cookieOf } from "../http/cookies.ts";
import type { Exchange } from "../http/exchange.ts";
import { Field, type Fields } from "../http/fields.ts";
import { normaliseHost } from "../lib/host.ts";

export interface Keyed {
  readonly key: string;
  /** `https://host/path?query` */
  readonly url: string;
  /** As the backend is told. */
  readonly host: string;
  readonly query: string;
  readonly hasQuery: boolean;
}

/**
 * undefined = its answer is not looked for, and not kept.
 * @param fields of the request, with those that middlewares added where some are part of the key
 * @param isSecure the client speaks TLS
 */
export function keyOf(
  use: CacheUse,
  exchange: Exchange,
  fields: Fields,
  isSecure: boolean,
): Keyed | undefined {
  const { request, origin } = exchange;
  const host = hostOf(request.host, isSecure);
  if (host === undefined) return undefined;
  const target = exchange.path === request.path ? request.rawPath : exchange.path;
  const query =
    request.hasQuery && use.query.keep !== "all"
      ? keptQuery(use.query, request.query)
      : request.query;
  const hasQuery = request.hasQuery && (query !== "" || use.query.keep === "all");
  const url = `${isSecure ? "https" : "http"}://${host}${exchange.mount}${target}${hasQuery ? `?${query}` : ""}`;
  // Where the mount ends: what a middleware made of another path may read the same.
  let key = `${origin.localPort} ${exchange.mount.length} ${url}`;
  if (origin.isPeerTrusted) key += claimsOf(fields);
  for (const name of unnamed) {
    const value = fields.passedOn(name);
    if (value !== undefined) key += `\n${name}:${value}`;
  }
  for (const name of use.headers) key += `\n${name}:${fields.valuesOf(name).join(", ")}`;
  if (use.cookies !== undefined && use.cookies.length > 0) key += `\n${cookieLine(use, fields)}`;
  return key.length > longestCacheKey ? undefined : { key, url, host, query, hasQuery };
}

/** In one spelling: a port that goes without saying, and the case of letters, are no other host. */
function hostOf(written: string, isSecure: boolean): string | undefined {
  const host = normaliseHost(written);
  if (host === undefined) return undefined;
  const port = /:(\d+)$/.exec(written)?.[1];
  const isImplied = port === undefined || Number(port) === (isSecure ? 443 : 80);
  return isImplied ? host : `${host}:${Number(port)}`;
}

/**
 * An answer to a page of another site may be for that site alone, and to a script a part of the page; few backends say so.
 */
const unnamed = ["origin", "x-requested-with"] as const;

const claims = [Field.X_FORWARDED_HOST, Field.X_FORWARDED_PORT, Field.X_FORWARDED_PREFIX] as const;

/** What a trusted proxy says of the URL reaches the backend as it is said. */
function claimsOf(fields: Fields): string {
  let text = "";
  for (const each of claims)
    text += fields.times(each) === 0 ? "" : `\n${each}:${fields.first(each)}`;
  return text;
}

/** The cookies that count, as the backend gets them; "" = none of them came. */
export function cookieLine(use: CacheUse, fields: Fields): string {
  if (use.cookies === undefined) return "";
  const header = fields.valuesOf("cookie").join("; ");
  if (header === "") return "";
  const found = use.cookies.map((name) => [name, cookieOf(header, name)] as const);
  return found.flatMap(([name, value]) => (value === "" ? [] : [`${name}=${value}`])).join("; ");
}

/** Parameters are parted by & alone, and what is left out is left out: a backend that also parts them by ; gets no other ones. */
function keptQuery({ keep, names }: CachedQuery, query: string): string {
  if (keep === "only" && names.length === 0) return "";
  const parts = query.split("&").filter((each) => {
    const isNamed = names.some((name) => isCalled(nameOf(each), name));
    return keep === "only" ? isNamed : !isNamed;
  });
  return parts.join("&");
}

function nameOf(parameter: string): string {
  const sign = parameter.indexOf("=");
  const written = sign < 0 ? parameter : parameter.slice(0, sign);
  try {
    return decodeURIComponent(written.replaceAll("+", " "));
  } catch {
    return written;
  }
}

function isCalled(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Which of several answers for one key: by the values of the fields that Vary names. "" where it names none. */
export function variantOf(names: readonly string[], fields: Fields): string {
  if (names.length === 0) return "";
  let variant = "";
  for (const name of names) {
    const value =
      name === "accept-encoding"
        ? encodingsOf(fields.valuesOf(name).join(","))
        : fields.valuesOf(name).join(", ");
    variant += `${name}:${value}\n`;
  }
  return variant;
}

const encodings = ["zstd", "br", "gzip"] as const;

/** What a client takes, of the few that matter: clients write it in a hundred ways. */
export function encodingsOf(field: string): string {
  if (field === "") return "";
  const taken = new Set<string>();
  for (const each of field.toLowerCase().split(",")) {
    const [name = "", ...parameters] = each.split(";");
    const isRefused = parameters.some((parameter) =>
      /^\s*q\s*=\s*0(\.0{0,3})?\s*$/.test(parameter),
    );
    if (!isRefused) taken.add(name.trim());
  }
  const all = encodings.filter(
    (each) => taken.has(each) || (each === "gzip" && taken.has("x-gzip")),
  );
  return all.join(", ");
}
