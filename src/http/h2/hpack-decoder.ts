// Decodes field sections (RFC 7541), and refuses whatever it says is an error. An indexed field costs two references:
// the tables keep the strings. Time is linear in the bytes that came, whatever they stand for. Hot: bench/hpack.ts

import type { FieldSection } from "./field-section.ts";
import { DynamicTable } from "./hpack-dynamic-table.ts";
import { keepSecret } from "./hpack-names.ts";
import { hpackField, staticCount, staticTable, type HpackField } from "./hpack-static-table.ts";
import { huffmanDecode, huffmanRoom } from "./huffman-decoder.ts";

/** What a table has before anybody said otherwise (RFC 9113 section 6.5.2), bytes. */
const initialTableBytes = 4096;

/** Of an integer behind its prefix: 2 ** 28, more than any block has. A fifth byte is an error (RFC 7541 section 5.1). */
const maxIntegerBytes = 4;

/** One for the smallest size since the last block and one for the last (RFC 7541 section 4.2). */
const maxSizeUpdates = 2;

/** Huffman strings become bytes here. Grown for long ones. */
let scratch = Buffer.allocUnsafeSlow(4096);

export class HpackDecoder {
  readonly #table = new DynamicTable<HpackField>(initialTableBytes);
  readonly #maxTableBytes: number;
  /** Where what was read last ends. */
  #at = 0;

  /**
   * @param maxTableBytes what we said in SETTINGS_HEADER_TABLE_SIZE, at the start of the connection. At least 4096, what holds
   *   before: whoever says less would have to know from when on it counts
   */
  constructor(maxTableBytes: number) {
    if (maxTableBytes < initialTableBytes) throw new RangeError("less than the initial table");
    this.#maxTableBytes = maxTableBytes;
  }

  /**
   * Decodes one complete block into `section`, which it clears first. What does not fit in the limits is read, for the sake of
   * the table, and left out, with all that follows: `section.isTooLarge`. @returns false: COMPRESSION_ERROR, the connection is lost
   */
  decode(
    buffer: Buffer,
    start: number,
    end: number,
    section: FieldSection,
    maxBytes: number,
    maxCount: number,
  ): boolean {
    section.clear();
    this.#at = start;
    let sizeUpdates = 0;
    while (this.#at < end) {
      const byte = buffer[this.#at]!;
      let field: HpackField | undefined;
      if (byte >= 0x80) {
        field = this.#fieldAt(this.#integer(buffer, end, 0x7f));
      } else if ((byte & 0xe0) === 0x20) {
        // Only at the beginning (RFC 7541 section 4.2).
        if (section.count > 0 || section.isTooLarge || ++sizeUpdates > maxSizeUpdates) return false;
        const size = this.#integer(buffer, end, 0x1f);
        if (size < 0 || size > this.#maxTableBytes) return false;
        this.#table.resize(size);
        continue;
      } else {
        field = this.#literal(buffer, end, byte);
      }
      if (field === undefined) return false;
      if (
        section.isTooLarge ||
        section.count === maxCount ||
        section.size + field.size > maxBytes
      ) {
        section.isTooLarge = true;
      } else section.add(field.name, field.value);
    }
    return true;
  }

  /** @param index of both tables, as RFC 7541 section 2.3.3 joins them */
  #fieldAt(index: number): HpackField | undefined {
    return index <= staticCount ? staticTable[index] : this.#table.at(index - staticCount);
  }

  /** A literal field (RFC 7541 section 6.2), whose first byte is `byte`. */
  #literal(buffer: Buffer, end: number, byte: number): HpackField | undefined {
    const isAdded = byte >= 0x40;
    const index = this.#integer(buffer, end, isAdded ? 0x3f : 0x0f);
    const name = index === 0 ? this.#string(buffer, end) : this.#fieldAt(index)?.name;
    if (name === undefined) return undefined;
    const value = this.#string(buffer, end);
    if (value === undefined) return undefined;
    const field = hpackField(name, value);
    if (isAdded) this.#table.add(field);
    else if (byte >= 0x10) keepSecret(name);
    return field;
  }

  /** @param mask the bits of the first byte that are its prefix (RFC 7541 section 5.1). @returns -1: it is wrong */
  #integer(buffer: Buffer, end: number, mask: number): number {
    if (this.#at >= end) return -1;
    let value = buffer[this.#at++]! & mask;
    if (value < mask) return value;
    for (let count = 0; count < maxIntegerBytes && this.#at < end; count++) {
      const byte = buffer[this.#at++]!;
      value += (byte & 0x7f) << (count * 7);
      if (byte < 0x80) return value;
    }
    return -1;
  }

  /** A string (RFC 7541 section 5.2). @returns undefined: it is wrong */
  #string(buffer: Buffer, end: number): string | undefined {
    const isHuffman = this.#at < end && buffer[this.#at]! >= 0x80;
    const size = this.#integer(buffer, end, 0x7f);
    const start = this.#at;
    if (size < 0 || size > end - start) return undefined;
    this.#at = start + size;
    if (!isHuffman) return buffer.latin1Slice(start, start + size);
    const room = huffmanRoom(size);
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room);
    const length = huffmanDecode(buffer, start, start + size, scratch);
    return length < 0 ? undefined : scratch.latin1Slice(0, length);
  }
}
