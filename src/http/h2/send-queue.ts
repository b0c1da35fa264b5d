// What waits to be sent on one stream: bytes, copied, and field sections between or behind them.

import { HpackEncoder } from "./hpack-encoder.ts";

/** A field section that is encoded when it leaves: the order of sections on a connection is that of their encoding. */
export interface LaterFields {
  readonly write: (encoder: HpackEncoder) => void;
  readonly isEnd: boolean;
}

interface Chunk {
  readonly bytes: Buffer;
  length: number;
}

/** Where small pieces are joined. The first is smaller: often it is the only one. */
const firstChunkBytes = 2 * 1024;
/** A frame's payload. */
const chunkBytes = 16 * 1024;
/** Kept for the next that wait, 8 MB: one read each of a hundred backends. Making them anew was a sixth of all the work. */
const maxSpare = 512;
const spare: Buffer[] = [];

/** Takes down what would be encoded. */
class FieldNotes extends HpackEncoder {
  #notes: string[] = [];

  override field(name: string, value: string): void {
    // What must not leave is refused now, while whoever wrote it is there.
    super.field(name, value);
    this.#notes.push(name, value);
  }

  override line(line: string): void {
    super.line(line);
    this.#notes.push("", line);
  }

  override begin(): void {
    super.begin();
    this.#notes = [];
  }

  get notes(): string[] {
    return this.#notes;
  }
}

const notebook = new FieldNotes(0);

/** The section as it is now, to be encoded later. */
export function laterFields(encode: (encoder: HpackEncoder) => void, isEnd: boolean): LaterFields {
  notebook.begin();
  encode(notebook);
  const { notes } = notebook;
  const write = (encoder: HpackEncoder) => {
    for (let at = 0; at < notes.length; at += 2) {
      if (notes[at] === "") encoder.line(notes[at + 1]!);
      else encoder.field(notes[at]!, notes[at + 1]!);
    }
  };
  return { write, isEnd };
}

export class SendQueue {
  readonly #items: (Chunk | LaterFields)[] = [];
  #first = 0;
  /** Of the first chunk, so much has gone. */
  #position = 0;
  /** Bytes that wait. */
  length = 0;

  get isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.length += end - start;
    const last = this.#items.at(-1);
    let at = start;
    if (last !== undefined && "bytes" in last && this.#first < this.#items.length) {
      const fitting = Math.min(last.bytes.length - last.length, end - at);
      buffer.copy(last.bytes, last.length, at, at + fitting);
      last.length += fitting;
      at += fitting;
    }
    while (at < end) {
      const isSmall = this.isEmpty && end - at <= firstChunkBytes;
      const bytes = isSmall
        ? Buffer.allocUnsafeSlow(firstChunkBytes)
        : (spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes));
      const length = buffer.copy(bytes, 0, at, end);
      this.#items.push({ bytes, length });
      at += length;
    }
  }

  /** Drops everything. */
  clear(): void {
    for (let at = this.#first; at < this.#items.length; at++) giveBack(this.#items[at]!);
    this.#items.length = 0;
    this.#first = 0;
    this.#position = 0;
    this.length = 0;
  }

  addFields(fields: LaterFields): void {
    this.#items.push(fields);
  }

  /** The section that comes next; undefined = bytes, or nothing. */
  get fields(): LaterFields | undefined {
    const item = this.#items[this.#first];
    return item === undefined || "bytes" in item ? undefined : item;
  }

  dropFields(): void {
    this.#shift();
  }

  /** Bytes that come next in one piece; 0 = none. */
  get pieceLength(): number {
    const item = this.#items[this.#first];
    return item !== undefined && "bytes" in item ? item.length - this.#position : 0;
  }

  get piece(): Buffer | undefined {
    const item = this.#items[this.#first];
    return item !== undefined && "bytes" in item ? item.bytes : undefined;
  }

  get position(): number {
    return this.#position;
  }

  /** So much of the piece has gone. */
  drop(bytes: number): void {
    this.length -= bytes;
    this.#position += bytes;
    if (this.pieceLength === 0) this.#shift();
  }

  #shift(): void {
    giveBack(this.#items[this.#first]!);
    this.#position = 0;
    this.#first++;
    if (this.#first === this.#items.length || this.#first > 16) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

/** Nobody reads from it any more. */
function giveBack(item: Chunk | LaterFields): void {
  if ("bytes" in item && item.bytes.length === chunkBytes && spare.length < maxSpare) {
    spare.push(item.bytes);
  }
}
