// Decodes HPACK as RFC 7541 says it, as plainly as it can be said: bits are text, tables are lists, and nothing is quick. It
// shares the two tables of the appendices with the program, which are held to another implementation by
// test/wire/h2/hpack.test.ts.

import { staticTable } from "../../src/http/h2/hpack-static-table.ts";
import { codeLengths, codes } from "../../src/http/h2/huffman-code.ts";

export type OracleField = readonly [name: string, value: string];

const symbols = new Map(
  [...codes].map((code, symbol) => [
    code.toString(2).padStart(codeLengths[symbol] ?? 0, "0"),
    symbol,
  ]),
);

export class HpackOracle {
  readonly #maxBytes: number;
  #bytes = 4096;
  #entries: OracleField[] = [];
  #rest: number[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws whatever is wrong */
  decode(block: Buffer): OracleField[] {
    this.#rest = [...block];
    const fields: OracleField[] = [];
    let updates = 0;
    while (this.#rest.length > 0) {
      const bits = (this.#rest[0] ?? 0).toString(2).padStart(8, "0");
      if (bits.startsWith("1")) {
        fields.push(this.#at(this.#integer(7)));
      } else if (bits.startsWith("01")) {
        const field = this.#literal(6);
        fields.push(field);
        this.#entries.unshift(field);
        this.#evict();
      } else if (bits.startsWith("001")) {
        if (fields.length > 0 || ++updates > 2) throw new Error("a size where none may be");
        const size = this.#integer(5);
        if (size > this.#maxBytes) throw new Error("a size that is too large");
        this.#bytes = size;
        this.#evict();
      } else {
        fields.push(this.#literal(4));
      }
    }
    return fields;
  }

  #literal(prefix: number): OracleField {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#string() : this.#at(index)[0];
    return [name, this.#string()];
  }

  #at(index: number): OracleField {
    const fixed = staticTable[index];
    const field =
      fixed === undefined
        ? this.#entries[index - staticTable.length]
        : ([fixed.name, fixed.value] as const);
    if (field === undefined) throw new Error("no such index");
    return field;
  }

  #evict(): void {
    const size = () =>
      this.#entries.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.#bytes) this.#entries.pop();
  }

  #byte(): number {
    const byte = this.#rest.shift();
    if (byte === undefined) throw new Error("the end is missing");
    return byte;
  }

  #integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#byte() % 2 ** prefix;
    if (value < most) return value;
    for (let power = 0; power < 28; power += 7) {
      const byte = this.#byte();
      value += (byte % 128) * 2 ** power;
      if (byte < 128) return value;
    }
    throw new Error("too long an integer");
  }

  #string(): string {
    const isHuffman = (this.#rest[0] ?? 0) >= 128;
    const size = this.#integer(7);
    const bytes = Array.from({ length: Math.min(size, this.#rest.length + 1) }, () => this.#byte());
    if (!isHuffman) return String.fromCharCode(...bytes);
    let text = "";
    let code = "";
    for (const bit of bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("")) {
      code += bit;
      const symbol = symbols.get(code);
      if (symbol === undefined) continue;
      if (symbol === 256) throw new Error("EOS");
      text += String.fromCharCode(symbol);
      code = "";
    }
    if (code.length > 7 || code.includes("0")) throw new Error("no padding");
    return text;
  }
}
