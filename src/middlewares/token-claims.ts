// What a token that was checked says of its user: found by name, held against rules, and put into fields.

import type { ClaimRule } from "../config/middlewares/uses/auth.ts";
import { isRecord, type JsonRecord } from "../lib/json.ts";
import { fieldValue } from "./auth-identity.ts";

/** By its name, also one with dots in it; or by the way to it, `realm_access.roles`. */
export function claimAt(claims: JsonRecord, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let at: unknown = claims;
  for (const step of name.split(".")) {
    if (!isRecord(at) || !Object.hasOwn(at, step)) return undefined;
    at = at[step];
  }
  return at;
}

/** Whether a claim is one of the values, or a list with one of them. */
export function holdsRule(claims: JsonRecord, { claim, values }: ClaimRule): boolean {
  const found = claimAt(claims, claim);
  // RFC 8693 section 4.2: several in one text.
  const isScope = claim === "scope" || claim === "scp";
  const all: readonly unknown[] =
    typeof found === "string" && isScope
      ? found.split(" ")
      : Array.isArray(found)
        ? found
        : [found];
  return all.some((each) => isPlain(each) && values.includes(String(each)));
}

/** A claim as the value of a field; undefined = it is not there, or cannot be said without changing its meaning. */
export function claimText(claims: JsonRecord, name: string): string | undefined {
  const found = claimAt(claims, name);
  const all: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (!all.every(isPlain) || all.length === 0) return undefined;
  const texts = all.map(String);
  // Of a list, a name with a comma in it would be two.
  if (Array.isArray(found) && texts.some((each) => each.includes(","))) return undefined;
  const value = fieldValue(texts.join(","));
  return value === undefined || value.length > longestField ? undefined : value;
}

const longestField = 4096;

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
