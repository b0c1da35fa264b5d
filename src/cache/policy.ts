// Whether an answer may be kept, and for how long (RFC 9111 sections 3 and 4.2, RFC 5861, RFC 9213). It is asked once, when the
// answer comes; whoever gives it again compares numbers. What the standard says is left to http-cache-semantics, which is
// loaded with the first cache; what is stricter here, and what a route says instead, stands around it.

import type CachePolicy from "http-cache-semantics";
import { longestFresh, mostVaryNames } from "../config/cache-limits.ts";
import type { CacheUse } from "../config/middlewares/uses/cache.ts";
import type { Fields } from "../http/fields.ts";
import { readDirectives, secondsOf, writeDirectives, type Directives } from "./directives.ts";

/** What is there of http-cache-semantics once it has been loaded. */
export type Semantics = typeof CachePolicy;

let loading: Promise<Semantics> | undefined;

export function loadSemantics(): Promise<Semantics> {
  loading ??= import("http-cache-semantics").then((loaded) => loaded.default);
  return loading;
}

/** What of a request says whether its answer may be kept. */
export interface Asked {
  readonly hasAuthorization: boolean;
  /** That are not part of the key. */
  readonly hasCookies: boolean;
  /** Names, in lower case, of fields that could have made the answer what it is, and that no cache looks at. */
  readonly unusual: readonly string[];
  /** `no-store`, and that counts. */
  readonly isSecret: boolean;
}

/** A short reason, which goes into Cache-Status. */
export type Unkept =
  | "status"
  | "vary"
  | "set-cookie"
  | "cookie"
  | "directive"
  | "no-freshness"
  | "header"
  | "partial";

export interface Keeping {
  /** All ms. Of them, `age` has passed already. */
  readonly age: number;
  readonly fresh: number;
  readonly whileRevalidate: number;
  readonly ifError: number;
  readonly isPublic: boolean;
  /** In lower case, sorted. */
  readonly names: readonly string[];
}

export type Judgement = Keeping | { readonly unkept: Unkept };

/**
 * 400, 413, 431 and the like are made by what one client sent; 206 and 304 are part of something; 5xx pass. 405, 414 and 501 could be
 * kept by the standard, and are not: any client can have them made.
 */
const keepable: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410,
]);

const missing: ReadonlySet<number> = new Set([404, 410]);

/** @param date value of Date, where it is not among the fields */
export function judge(
  semantics: Semantics,
  use: CacheUse,
  asked: Asked,
  status: number,
  fields: Fields,
  date = "",
): Judgement {
  if (!keepable.has(status)) return { unkept: "status" };
  if (fields.get("content-range") !== undefined) return { unkept: "partial" };
  // What is encoded for one client is not for one that cannot read it, also where nobody says so.
  const encoded = fields.get("content-encoding") === undefined ? [] : ["accept-encoding"];
  const names = varyNames([...fields.valuesOf("vary"), ...encoded].join(","));
  if (names === undefined) return { unkept: "vary" };
  const hasCookie = fields.valuesOf("set-cookie").length > 0;
  if (hasCookie && !use.stripSetCookie) return { unkept: "set-cookie" };
  if (asked.unusual.some((each) => !names.includes(each))) return { unkept: "header" };
  const said = directivesOf(use, fields);
  if (said.has("no-store") || asked.isSecret) return { unkept: "directive" };
  const isPublic = said.has("public") || said.has("s-maxage");
  if (asked.hasCookies && !isPublic) return { unkept: "cookie" };
  return keeping(semantics, use, { asked, status, fields, date, said, names, isPublic });
}

interface Case {
  readonly asked: Asked;
  readonly status: number;
  readonly fields: Fields;
  readonly date: string;
  readonly said: Directives;
  readonly names: readonly string[];
  readonly isPublic: boolean;
}

function keeping(semantics: Semantics, use: CacheUse, each: Case): Judgement {
  const { fields, said, status, names, isPublic } = each;
  const policy = policyOf(semantics, each);
  if (!policy.storable()) return { unkept: "directive" };
  const isExplicit = said.has("s-maxage") || said.has("max-age") || hasExpires(use, fields);
  // Of before there was Cache-Control, and still meant where there is none.
  const isOldWord = said.size === 0 && /no-cache/i.test(fields.get("pragma") ?? "");
  const isNever = said.has("no-cache") || isOldWord;
  const ttl = missing.has(status)
    ? use.negative
    : use.statuses.some(([from, to]) => status >= from && status <= to)
      ? use.ttl
      : 0;
  const fresh = isNever ? 0 : isExplicit ? policy.maxAge() * 1000 : ttl;
  if (!isExplicit && fresh === 0 && !isNever) return { unkept: "no-freshness" };
  // RFC 9111 section 4.2.4: these forbid what is stale, unless the answer allows it itself.
  const mayBeStale = !["must-revalidate", "proxy-revalidate", "s-maxage", "no-cache"].some((name) =>
    said.has(name),
  );
  const isStrict = said.has("must-revalidate") || said.has("proxy-revalidate") || isNever;
  const stale = (name: string, otherwise: number) =>
    isStrict ? 0 : ms(secondsOf(said, name)) || (mayBeStale ? otherwise : 0);
  const whileRevalidate = stale("stale-while-revalidate", use.staleWhileRevalidate);
  const ifError = stale("stale-if-error", use.staleIfError);
  const age = ms(readAge(fields.get("age")));
  const hasValidator =
    fields.get("etag") !== undefined || fields.get("last-modified") !== undefined;
  const isUseful = fresh > age || whileRevalidate > 0 || ifError > 0 || hasValidator;
  if (!isUseful) return { unkept: "no-freshness" };
  const bounded = Math.min(Math.max(0, fresh), longestFresh);
  return { age, fresh: bounded, whileRevalidate, ifError, isPublic, names };
}

function policyOf(
  semantics: Semantics,
  { asked, status, fields, date, said, names }: Case,
): InstanceType<Semantics> {
  const headers: Record<string, string> = {
    // It is about what is stale, and taken here for what is fresh.
    "cache-control": writeDirectives(
      new Map([...said].filter(([name]) => name !== "proxy-revalidate")),
    ),
  };
  for (const name of ["expires", "date", "pragma"]) {
    // What is fresh until then is so by the clock of whoever says it (RFC 9111 section 4.2.1).
    const value = fields.get(name) ?? (name === "date" && date !== "" ? date : undefined);
    if (value !== undefined && (said.size === 0 || name === "date" || name === "expires"))
      headers[name] = value;
  }
  if (names.length > 0) headers["vary"] = names.join(", ");
  const request = {
    method: "GET",
    url: "/",
    headers: asked.hasAuthorization ? { authorization: "x" } : {},
  };
  return new semantics(request, { status, headers }, { shared: true, cacheHeuristic: 0 });
}

/** What a targeted field says counts instead of Cache-Control and Expires (RFC 9213 section 2.2). */
function directivesOf({ targeted }: CacheUse, fields: Fields): Directives {
  for (const name of targeted) {
    const field = fields.valuesOf(name).join(",");
    const said = readDirectives(field);
    if (said.size > 0) return said;
  }
  return readDirectives(fields.valuesOf("cache-control").join(","));
}

function hasExpires({ targeted }: CacheUse, fields: Fields): boolean {
  return (
    fields.get("expires") !== undefined && !targeted.some((name) => fields.get(name) !== undefined)
  );
}

/** Said anew for each client when its request leaves: nobody can look there for what it was. */
const ofEach: ReadonlySet<string> = new Set([
  ...["x-forwarded-for", "x-real-ip", "forwarded", "client-cert", "client-cert-chain"],
]);

/** Whether an answer that varies by this (lower-case) name is for one client alone. */
export function isOfEach(name: string): boolean {
  return name === "*" || ofEach.has(name);
}

/** undefined = `*` and its like, or too many. */
function varyNames(field: string): readonly string[] | undefined {
  const names = new Set<string>();
  for (const each of field.split(",")) {
    const name = each.trim().toLowerCase();
    if (isOfEach(name)) return undefined;
    if (name !== "") names.add(name);
  }
  return names.size > mostVaryNames ? undefined : [...names].toSorted();
}

function readAge(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

function ms(seconds: number | undefined): number {
  return seconds === undefined ? 0 : Math.min(seconds * 1000, longestFresh);
}
