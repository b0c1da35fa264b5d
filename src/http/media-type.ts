// The type of a body, and lists of types that one may be in.

import type { Fields } from "./fields.ts";

/** In lower case, without parameters; "" = there is none. */
export function mediaTypeOf(fields: Fields): string {
  const value = fields.passedOn("content-type") ?? "";
  const end = value.indexOf(";");
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

/** In lower case; "" = none is said. */
export function charsetOf(fields: Fields): string {
  const value = fields.passedOn("content-type") ?? "";
  return (/;\s*charset\s*=\s*"?([^\s";]+)/i.exec(value)?.[1] ?? "").toLowerCase();
}

/** @param types `text/html`, `text/*`, or `*+json` for all that end so; in lower case */
export function typeMatcher(types: readonly string[]): (type: string) => boolean {
  const whole = new Set<string>();
  const starts: string[] = [];
  const ends: string[] = [];
  for (const type of types) {
    if (type.startsWith("*")) ends.push(type.slice(1));
    else if (type.endsWith("/*")) starts.push(type.slice(0, -1));
    else whole.add(type);
  }
  return (type) =>
    type !== "" &&
    (whole.has(type) ||
      starts.some((each) => type.startsWith(each)) ||
      ends.some((each) => type.endsWith(each)));
}
