// What a middleware of somebody's own may write into a request or an answer: checked as what comes from the wire is, since a
// line break in a header is another request to whoever reads it.

import { framingFields } from "../config/framing-fields.ts";
import { isToken } from "../http/characters.ts";
import { encodePath, normalisePath } from "../lib/path.ts";

/** RFC 9110 section 5.5, without what is beyond Latin-1. */
const value = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws for what no field can hold, and for those that frame a message */
export function checkField(name: string, text: string): void {
  if (!isToken(name, 0, name.length)) {
    throw new TypeError(`${JSON.stringify(name)} is not a header name`);
  }
  const lower = name.toLowerCase();
  if (framingFields.has(lower) || lower === "host") {
    throw new TypeError(`${name} is about the connection, and not changed`);
  }
  if (typeof text !== "string" || !value.test(text)) {
    throw new TypeError(`the value of ${name} has characters that no header field can hold`);
  }
}

/** As a request has it. @throws when it is none */
export function normalPath(path: string): string {
  const isAbsolute = typeof path === "string" && path.startsWith("/");
  const normal = isAbsolute ? normalisePath(encodePath(path))?.path : undefined;
  if (normal === undefined || /[\s\p{Cc}?#]/u.test(path)) {
    throw new TypeError(`${JSON.stringify(path)} is not a path`);
  }
  return normal;
}

/** @throws for what cannot stand in a request line */
export function checkQuery(query: string): void {
  if (typeof query !== "string" || !/^[\x21-\x22\x24-\x7e]*$/.test(query)) {
    throw new TypeError(`${JSON.stringify(query)} is not a query: encode it`);
  }
}
