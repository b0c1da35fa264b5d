// Fields that were sent lately, by any connection of this process, ready to be sent again. A field that is here has been seen
// before, which is when it becomes worth a place in a peer's table. Never a secret. Hot: bench/hpack.ts

import { ownText } from "../../lib/own-text.ts";
import type { FieldName } from "./hpack-names.ts";
import { HpackOutput } from "./hpack-output.ts";
import { Recent } from "./hpack-recent.ts";
import { hpackField } from "./hpack-static-table.ts";

export interface KnownField {
  readonly key: string;
  readonly name: FieldName;
  /** A pseudo-header field, of which no line is ever written. */
  readonly isPseudo: boolean;
  /** Its value as a string of HPACK. */
  readonly value: Uint8Array;
  /** 0 = not in the static table. */
  readonly staticIndex: number;
  /** In a table, bytes. */
  readonly size: number;
}

/** A longer field has no room in a table of the usual 4096 bytes, and is written each time. */
const maxCharacters = 4000;

/** Two generations: 1024 fields and half a megabyte of lines at most, twice that with what is made of them. */
const known = new Recent<KnownField>(512, 256 * 1024);

const output = new HpackOutput();

/** @param key a line as HTTP/1 writes it. Only one that was found lately is found, for less than `knownField` costs */
export function likelyField(key: string): KnownField | undefined {
  return known.likely(key);
}

/** @param key a line as HTTP/1 writes it */
export function knownField(key: string): KnownField | undefined {
  return known.get(key);
}

/** Remembers text[start, end) as the value of a field that is found by the key from now on. */
export function rememberField(
  key: string,
  name: FieldName,
  text: string,
  start: number,
  end: number,
): void {
  if (key.length > maxCharacters) return;
  output.length = 0;
  output.string(text, start, end);
  known.add({
    key: ownText(key),
    name,
    isPseudo: name.name.startsWith(":"),
    value: new Uint8Array(output.bytes.subarray(0, output.length)),
    staticIndex: name.values?.get(text.slice(start, end)) ?? 0,
    size: hpackField(name.name, "").size + end - start,
  });
}
