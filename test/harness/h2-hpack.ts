// HPACK (RFC 7541) for the peers of tests: plain, slow and strict. Sections are written field by field, in any of the
// representations, so that a test can say which; a reader has the dynamic table that the other side fills.

import { huffman, unhuffman } from "./h2-huffman.ts";

export type Field = readonly [name: string, value: string];

/** RFC 7541 appendix A; the index of the first is 1. */
const staticTable: readonly Field[] =
  `:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https
:status 200|:status 204|:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate
accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition
content-encoding|content-language|content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires
from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards
proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|strict-transport-security
transfer-encoding|user-agent|vary|via|www-authenticate`
    .split(/[|\n]/)
    .map((entry) => {
      const space = entry.indexOf(" ");
      return space < 0 ? [entry, ""] : [entry.slice(0, space), entry.slice(space + 1)];
    });

/** @param high bits above the prefix */
export function integer(value: number, prefix: number, high = 0): Buffer {
  const most = 2 ** prefix - 1;
  if (value < most) return Buffer.from([high | value]);
  const bytes = [high | most];
  let rest = value - most;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

export function string(text: string, isHuffman = false): Buffer {
  const bytes = isHuffman ? huffman(text) : Buffer.from(text, "latin1");
  return Buffer.concat([integer(bytes.length, 7, isHuffman ? 128 : 0), bytes]);
}

export type Representation = "plain" | "indexed" | "never" | "huffman";

const firstByte: Readonly<Record<Representation, number>> = {
  plain: 0,
  indexed: 64,
  never: 16,
  huffman: 0,
};

/** A literal with a literal name. */
export function literal([name, value]: Field, as: Representation = "plain"): Buffer {
  const isHuffman = as === "huffman";
  return Buffer.concat([
    Buffer.from([firstByte[as]]),
    string(name, isHuffman),
    string(value, isHuffman),
  ]);
}

export const section = (fields: readonly Field[]): Buffer =>
  Buffer.concat(fields.map((field) => literal(field)));

export class HpackReader {
  /** Most that the other side may use: our SETTINGS_HEADER_TABLE_SIZE. */
  limit = 4096;
  #size = 4096;
  #table: Field[] = [];
  /** The limit was lowered: the next section must begin with an update (RFC 7541 section 4.2). */
  isUpdateDue = false;

  lower(limit: number): void {
    this.limit = limit;
    if (limit < this.#size) this.isUpdateDue = true;
  }

  /** @throws where RFC 7541 asks for a decoding error */
  read(bytes: Buffer): Field[] {
    const fields: Field[] = [];
    const input = new Input(bytes);
    while (!input.isAtEnd) {
      const first = input.peek();
      const isUpdate = first >= 32 && first < 64;
      if (isUpdate) {
        if (fields.length > 0) throw new Error("HPACK: size update inside a section");
        this.#resize(input.integer(5));
        continue;
      }
      if (this.isUpdateDue) throw new Error("HPACK: the table must shrink first");
      if (first >= 128) fields.push(this.#at(input.integer(7)));
      else fields.push(this.#literal(input, first));
    }
    return fields;
  }

  #literal(input: Input, first: number): Field {
    const isAdded = first >= 64;
    const index = input.integer(isAdded ? 6 : 4);
    const name = index === 0 ? input.string() : this.#at(index)[0];
    const field: Field = [name, input.string()];
    if (isAdded) {
      this.#table.unshift(field);
      this.#evict();
    }
    return field;
  }

  #at(index: number): Field {
    const field = staticTable[index - 1] ?? this.#table[index - 1 - staticTable.length];
    if (field === undefined) throw new Error(`HPACK: nothing at index ${index}`);
    return field;
  }

  #resize(size: number): void {
    if (size > this.limit) throw new Error(`HPACK: table of ${size}, allowed are ${this.limit}`);
    this.#size = size;
    this.isUpdateDue = false;
    this.#evict();
  }

  #evict(): void {
    const used = () => this.#table.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
    while (used() > this.#size) this.#table.pop();
  }
}

class Input {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error("HPACK: ends too early");
    return byte;
  }

  integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (value > 2 ** 31) throw new Error("HPACK: integer too large");
      if (byte < 128) return value;
    }
  }

  string(): string {
    const isHuffman = this.peek() >= 128;
    const length = this.integer(7);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error("HPACK: string ends too early");
    this.#at += length;
    return isHuffman ? unhuffman(bytes) : bytes.toString("latin1");
  }

  #byte(): number {
    const byte = this.peek();
    this.#at += 1;
    return byte;
  }
}
