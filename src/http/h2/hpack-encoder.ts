// Encodes field sections (RFC 7541). A field that was sent before costs one look-up of its line and an index; which ones are
// worth that is said in hpack-names.ts. Hot: bench/hpack.ts

import { DynamicTable } from "./hpack-dynamic-table.ts";
import { knownField, likelyField, rememberField, type KnownField } from "./hpack-known-fields.ts";
import { fieldName, Indexing, type FieldName } from "./hpack-names.ts";
import { HpackOutput } from "./hpack-output.ts";
import { staticCount } from "./hpack-static-table.ts";

/** What a table has before anybody said otherwise (RFC 9113 section 6.5.2), bytes. */
const initialTableBytes = 4096;

/** A field that was sent within so many sections is not pushed out of the table by another one. */
const keptSections = 64;

/** But every so many times that held a field back, so that no single field holds the table for ever. */
const maxHeldBack = 32;

const output = new HpackOutput();

/** A field in the peer's table. */
interface Place {
  readonly field: KnownField;
  readonly size: number;
  /** As the table counts what was added. */
  readonly number: number;
  /** The section that had it last. */
  usedAt: number;
}

export class HpackEncoder {
  /** As the peer's is, or the newer part of that. */
  readonly #table = new DynamicTable<Place>(initialTableBytes);
  readonly #places = new Map<KnownField, Place>();
  readonly #maxTableBytes: number;
  /** Smallest size of the table since the last section; -1 = nothing to be said of it. */
  #smallestBytes = -1;
  #sections = 0;
  #heldBack = 0;

  /** @param maxTableBytes most that our table of this connection may hold, whatever the peer allows */
  constructor(maxTableBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.peerTableBytes = initialTableBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next section says so if it changes the table. */
  set peerTableBytes(bytes: number) {
    const size = Math.min(bytes, this.#maxTableBytes);
    if (size === this.#table.maxBytes) return;
    this.#smallestBytes = this.#smallestBytes < 0 ? size : Math.min(size, this.#smallestBytes);
    this.#table.resize(size, ({ field }) => this.#places.delete(field));
  }

  /** The section since `begin`: bytes[0, length), good until any encoder of this process begins the next. */
  get bytes(): Buffer {
    return output.bytes;
  }

  get length(): number {
    return output.length;
  }

  /** Begins a section. */
  begin(): void {
    output.length = 0;
    this.#sections++;
    if (this.#smallestBytes < 0) return;
    // Both are said where the table was smaller for a while (RFC 7541 section 4.2).
    const size = this.#table.maxBytes;
    if (this.#smallestBytes < size) output.integer(this.#smallestBytes, 5, 0x20);
    output.integer(size, 5, 0x20);
    this.#smallestBytes = -1;
  }

  /**
   * The section since `begin` will not be sent, after all. Fields that it put into our table are not in the peer's, so both
   * begin with an empty one: the next section says so.
   */
  abandon(): void {
    const size = this.#table.maxBytes;
    this.#table.resize(0, ({ field }) => this.#places.delete(field));
    this.#table.resize(size);
    this.#smallestBytes = 0;
    output.length = 0;
  }

  /**
   * @param name in lower case, both latin1
   * @throws {RangeError} for what is not latin1, CR, LF and NUL: who calls has looked, so it is a fault of ours. The section
   *   cannot go on: `abandon`
   */
  field(name: string, value: string): void {
    const known = fieldName(name);
    const index = known.values?.get(value);
    if (index === undefined) this.#write(`${name}: ${value}`, known, value, 0, value.length);
    else output.integer(index, 7, 0x80);
  }

  /** The same of a line as HTTP/1 writes it, "Name: value" without its CR LF: any case, and any space around the value. */
  line(line: string): void {
    const field = likelyField(line);
    if (field !== undefined && !field.isPseudo) {
      this.#writeKnown(field);
      return;
    }
    const colon = line.indexOf(":");
    let start = colon + 1;
    let end = line.length;
    while (start < end && isSpace(line.charCodeAt(start))) start++;
    while (end > start && isSpace(line.charCodeAt(end - 1))) end--;
    // The name of a pseudo-header field is empty here, and refused, as that of a line without a colon.
    this.#write(line, fieldName(line.slice(0, Math.max(0, colon))), line, start, end);
  }

  /** @param key what text[start, end), as the value of that name, is remembered by */
  #write(key: string, name: FieldName, text: string, start: number, end: number): void {
    if (name.indexing === Indexing.REPEATED) {
      const field = knownField(key);
      if (field !== undefined) {
        this.#writeKnown(field);
        return;
      }
      rememberField(key, name, text, start, end);
    }
    output.copy(name.plainPrefix);
    output.string(text, start, end);
  }

  #writeKnown(field: KnownField): void {
    const { name, value } = field;
    const isSecret = name.indexing === Indexing.SECRET;
    const place = this.#places.get(field);
    if (place !== undefined && !isSecret) {
      place.usedAt = this.#sections;
      output.integer(staticCount + this.#table.added - place.number, 7, 0x80);
    } else if (field.staticIndex > 0) {
      output.integer(field.staticIndex, 7, 0x80);
    } else {
      // A name may have become a secret since the field was remembered.
      output.copy(!isSecret && this.#isAdded(field) ? name.addedPrefix : name.plainPrefix);
      output.copy(value);
    }
  }

  /**
   * Adds a field to the table, unless that would push out what is used. What leaves although nothing comes is still in the
   * peer's table, behind all that is in ours, so every index means the same to both.
   */
  #isAdded(field: KnownField): boolean {
    const table = this.#table;
    const { size } = field;
    if (size > table.maxBytes) return false;
    while (table.isFullFor(size)) {
      const oldest = table.oldest();
      if (oldest === undefined) return false;
      if (this.#sections - oldest.usedAt < keptSections && ++this.#heldBack < maxHeldBack)
        return false;
      table.removeOldest();
      this.#places.delete(oldest.field);
    }
    this.#heldBack = 0;
    const place: Place = { field, size, number: table.added, usedAt: this.#sections };
    table.add(place);
    this.#places.set(field, place);
    return true;
  }
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9;
}
