// What the encoder knows of a field name: how it is written, and whether fields of it are worth a place in the peer's table,
// or must not have one (RFC 7541 section 7.1.3).

import { ownText } from "../../lib/own-text.ts";
import { HpackOutput, isSendable } from "./hpack-output.ts";
import { Recent } from "./hpack-recent.ts";
import { staticTable } from "./hpack-static-table.ts";

export const Indexing = {
  /** As soon as a field comes for the second time. */
  REPEATED: 0,
  /** Never: it changes with every message, and would only push out what does not. */
  CHANGING: 1,
  /** Never, and by nobody further on: who may add fields beside it could guess it by what the table makes shorter. */
  SECRET: 2,
} as const;

export interface FieldName {
  /** As it was asked for, in any case. */
  readonly key: string;
  /** In lower case. */
  readonly name: string;
  indexing: (typeof Indexing)[keyof typeof Indexing];
  /** Static indices of whole fields, by their values. */
  readonly values: ReadonlyMap<string, number> | undefined;
  /** A literal that the peer adds to its table, up to its value. */
  readonly addedPrefix: Uint8Array;
  /** A literal that it does not add. */
  plainPrefix: Uint8Array;
}

/** Other secrets are known by what they are called. */
const secret =
  /^(?:authorization|proxy-authorization|cookie|set-cookie)$|(?:^|[-_])auth(?:$|[-_])|authorization|cookie|token|secret|passw|session|csrf|xsrf|api[-_]?key|signature/;

const changing = new Set(
  (
    ":path age content-length content-location content-md5 content-digest content-range etag if-match if-modified-since " +
    "if-none-match if-range if-unmodified-since last-modified location range referer repr-digest retry-after server-timing " +
    "sec-websocket-accept sec-websocket-key traceparent tracestate x-request-id x-correlation-id x-request-start x-runtime " +
    "x-response-time grpc-message grpc-timeout grpc-status-details-bin"
  ).split(" "),
);

interface StaticName {
  /** The first entry of that name. */
  readonly index: number;
  readonly values: Map<string, number>;
}

/** First bits of a literal that is never indexed (RFC 7541 section 6.2.3). */
const neverIndexed = 0x10;

const staticNames = readStaticNames();

/** Names are few, and short; whoever sends others each time gets no more of the memory than that. */
const recent = new Recent<FieldName>(512, 16 * 1024);
const maxCharacters = 256;

const output = new HpackOutput();

/** @throws {RangeError} for a name that is empty, has a colon further on, or characters that are never sent */
export function fieldName(name: string): FieldName {
  const known = recent.get(name);
  if (known !== undefined) return known;
  const made = make(name);
  if (name.length <= maxCharacters) recent.add(made);
  return made;
}

/**
 * A peer has sent a field of this lower-case name as one that must never be indexed: nor must it be where it goes on
 * (RFC 7541 section 6.2.3). Whoever sends such fields says so with each, so it is known when it counts; that fields of others
 * are treated alike costs them some bytes. Not of standard names that are no secret, or one client could make everybody's
 * answers long.
 */
export function keepSecret(name: string): void {
  if (name === "" || name.includes(":") || staticNames.has(name) || !isSendable(name)) return;
  const known = fieldName(name);
  if (known.indexing === Indexing.SECRET) return;
  known.indexing = Indexing.SECRET;
  known.plainPrefix = prefix(known.name, 0, 4, neverIndexed);
}

function make(key: string): FieldName {
  if (key === "") throw new RangeError("a field without a name");
  if (key.includes(":", 1)) throw new RangeError("a field name with a colon");
  const name = ownText(key.toLowerCase());
  const found = staticNames.get(name);
  const index = found?.index ?? 0;
  const indexing = indexingOf(name);
  return {
    key: ownText(key),
    name,
    indexing,
    values: found === undefined || found.values.size === 0 ? undefined : found.values,
    addedPrefix: prefix(name, index, 6, 0x40),
    plainPrefix: prefix(name, index, 4, indexing === Indexing.SECRET ? neverIndexed : 0),
  };
}

/** @param bits of the first byte that the index may use @param flags its others, which say what kind of literal follows */
function prefix(name: string, index: number, bits: number, flags: number): Uint8Array {
  output.length = 0;
  output.integer(index, bits, flags);
  if (index === 0) output.string(name, 0, name.length);
  return new Uint8Array(output.bytes.subarray(0, output.length));
}

function indexingOf(name: string): FieldName["indexing"] {
  if (secret.test(name)) return Indexing.SECRET;
  return changing.has(name) ? Indexing.CHANGING : Indexing.REPEATED;
}

function readStaticNames(): Map<string, StaticName> {
  const names = new Map<string, StaticName>();
  for (const [index, field] of staticTable.entries()) {
    if (field === undefined) continue;
    let found = names.get(field.name);
    if (found === undefined) {
      found = { index, values: new Map() };
      names.set(field.name, found);
    }
    if (field.value !== "") found.values.set(field.value, index);
  }
  return names;
}
