// Where field sections are written before they leave: integers, strings and ready bytes (RFC 7541 section 5). One of it
// serves all connections of a process, since a section is copied into frames as soon as it is complete. Hot: bench/hpack.ts

import { codeLengths, codes } from "./huffman-code.ts";

/** More than nearly all sections have. */
const firstBytes = 16 * 1024;

/** Longest integer that is written, bytes: lengths of texts are below 2 ** 30. */
const integerRoom = 6;

/** Codes up to here are written in one piece: with 15 bits that wait they fit in 31. */
const shortCode = 16;

/** As `codeLengths`; 0 = not to be sent: what would end a line or a text of HTTP/1 further on. */
const sentLengths = codeLengths.map((length, symbol) =>
  symbol === 0 || symbol === 10 || symbol === 13 ? 0 : length,
);

/** Longest code that `#quick` writes: with 15 bits that wait, two of them fit in 31. */
const quickCode = 15;

/** The code of a symbol times 16, and its length; 0 = not for `#quick`. */
const quickCodes = codes.map((code, symbol) => {
  const length = sentLengths[symbol] ?? 0;
  return length === 0 || length > quickCode ? 0 : (code << 4) | length;
});

/** Texts up to here are tried by `#quick`: what they become has a length of one byte nearly always. */
const quickCharacters = 160;

/** Whether `HpackOutput.string` takes it. */
export function isSendable(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if ((sentLengths[text.charCodeAt(at)] ?? 0) === 0) return false;
  }
  return true;
}

export class HpackOutput {
  bytes = Buffer.allocUnsafeSlow(firstBytes);
  length = 0;

  /** @param prefix bits of the first byte that the integer may use; the others are those of `flags` (section 5.1) */
  integer(value: number, prefix: number, flags: number): void {
    this.#reserve(integerRoom);
    const bytes = this.bytes;
    const most = (1 << prefix) - 1;
    if (value < most) {
      bytes[this.length++] = flags | value;
      return;
    }
    bytes[this.length++] = flags | most;
    let rest = value - most;
    for (; rest >= 128; rest >>>= 7) bytes[this.length++] = 128 | (rest & 127);
    bytes[this.length++] = rest;
  }

  /**
   * text[start, end) as a string (section 5.2), in Huffman code where that is shorter.
   * @throws {RangeError} for a character that is not latin1, CR, LF and NUL: who calls has looked, so it is a fault of ours
   */
  string(text: string, start: number, end: number): void {
    if (end - start <= quickCharacters && this.#quick(text, start, end)) return;
    let bits = 0;
    for (let at = start; at < end; at++) {
      const length = sentLengths[text.charCodeAt(at)] ?? 0;
      if (length === 0) throw new RangeError("a field with a character that is never sent");
      bits += length;
    }
    const plain = end - start;
    const coded = (bits + 7) >> 3;
    this.#reserve(integerRoom + plain);
    if (coded < plain) {
      this.integer(coded, 7, 0x80);
      this.#huffman(text, start, end);
    } else {
      this.integer(plain, 7, 0);
      // Short ones are quicker without leaving for native code.
      if (plain < 32) {
        for (let at = start; at < end; at++) this.bytes[this.length++] = text.charCodeAt(at);
      } else {
        this.length += this.bytes.latin1Write(text.slice(start, end), this.length, plain);
      }
    }
  }

  /** Bytes that are ready. */
  copy(source: Uint8Array): void {
    const size = source.length;
    this.#reserve(size);
    // Short ones are quicker without leaving for native code.
    if (size < 64) {
      const { bytes, length } = this;
      for (let at = 0; at < size; at++) bytes[length + at] = source[at]!;
    } else this.bytes.set(source, this.length);
    this.length += size;
  }

  /** What nearly all fields are: a short text that is shorter in Huffman code, without rare characters. False = it is not. */
  #quick(text: string, start: number, end: number): boolean {
    const plain = end - start;
    this.#reserve(1 + 2 * plain);
    const bytes = this.bytes;
    const first = this.length + 1;
    let to = first;
    let waiting = 0;
    let count = 0;
    for (let at = start; at < end; at++) {
      const quick = quickCodes[text.charCodeAt(at)] ?? 0;
      if (quick === 0) return false;
      const length = quick & 15;
      waiting = (waiting << length) | (quick >>> 4);
      count += length;
      if (count >= 16) {
        count -= 16;
        bytes[to++] = waiting >>> (count + 8);
        bytes[to++] = waiting >>> count;
      }
    }
    if (count >= 8) {
      count -= 8;
      bytes[to++] = waiting >>> count;
    }
    if (count > 0) bytes[to++] = (waiting << (8 - count)) | (0xff >> count);
    const coded = to - first;
    if (coded >= plain || coded >= 127) return false;
    bytes[this.length] = 0x80 | coded;
    this.length = to;
    return true;
  }

  #huffman(text: string, start: number, end: number): void {
    const bytes = this.bytes;
    let to = this.length;
    let waiting = 0;
    let count = 0;
    for (let at = start; at < end; at++) {
      const symbol = text.charCodeAt(at);
      let code = codes[symbol]!;
      let length = sentLengths[symbol]!;
      if (length > shortCode) {
        length -= shortCode;
        waiting = (waiting << length) | (code >>> shortCode);
        count += length;
        if (count >= 16) {
          count -= 16;
          bytes[to++] = waiting >>> (count + 8);
          bytes[to++] = waiting >>> count;
        }
        code &= 0xffff;
        length = shortCode;
      }
      waiting = (waiting << length) | code;
      count += length;
      if (count >= 16) {
        count -= 16;
        bytes[to++] = waiting >>> (count + 8);
        bytes[to++] = waiting >>> count;
      }
    }
    if (count >= 8) {
      count -= 8;
      bytes[to++] = waiting >>> count;
    }
    // The rest of the last byte is the beginning of EOS, ones.
    if (count > 0) bytes[to++] = (waiting << (8 - count)) | (0xff >> count);
    this.length = to;
  }

  #reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
