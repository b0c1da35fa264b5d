// What an answer's head says of a body that becomes another one on its way.

import type { Exchange } from "./exchange.ts";
import type { Fields } from "./fields.ts";

/** Digests and hashes of the bytes that there were (RFC 9530, RFC 3230). */
const digests = ["content-md5", "digest", "content-digest", "repr-digest"];

/** Other bytes leave us than those that the head was made for. */
export function saySomethingElse(fields: Fields): void {
  weakenTag(fields);
  // Parts are counted in the bytes of one certain form, which a strong tag names.
  fields.dropNamed("accept-ranges");
  for (const name of digests) {
    if (fields.passedOn(name) !== undefined) fields.dropNamed(name);
  }
}

/** RFC 9110 section 8.8.1: a strong tag promises the same bytes. */
function weakenTag(fields: Fields): void {
  const tag = fields.passedOn("etag");
  if (tag === undefined || tag.startsWith("W/")) return;
  fields.dropNamed("etag");
  // What is no tag is not made one.
  if (tag.startsWith('"')) fields.add("ETag", `W/${tag}`);
}

/** Of a 304: who has the other form knows it by a weak tag, and what is said of it now has to fit. */
export function agreeOnTag(exchange: Exchange, fields: Fields): void {
  const tag = fields.passedOn("etag");
  const asked = exchange.header("if-none-match");
  if (tag === undefined || asked === undefined) return;
  if (tag.startsWith('"') && asked.includes(`W/${tag}`)) weakenTag(fields);
}

/** Caches keep one answer for each value of this field of requests. */
export function varyBy(fields: Fields, name: string): void {
  const vary = fields.passedOn("vary");
  const names = vary?.split(",").map((each) => each.trim().toLowerCase()) ?? [];
  if (names.includes("*") || names.includes(name.toLowerCase())) return;
  fields.add("Vary", name);
}

/** A directive of Cache-Control forbids that (RFC 9111 section 5.2.2.6). */
export function isUntouchable(fields: Fields): boolean {
  const control = fields.passedOn("cache-control");
  return control !== undefined && /(?:^|[\s,])no-transform(?:$|[\s,])/i.test(control);
}
