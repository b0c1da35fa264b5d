// Reads a body of any framing as it arrives: a known length, chunked, or up to the end of the connection.
// Hot: bench/head.ts

import { Chunk, ChunkedReader, type ChunkEvent } from "./chunked.ts";
import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";

export class BodyReader {
  /** Where `next` goes on reading. */
  position = 0;
  /** After a DATA event: where the bytes stand. */
  dataStart = 0;
  dataEnd = 0;
  readonly #maxTrailerBytes: number;
  #length = 0;
  #left = 0;
  #chunks: ChunkedReader | null = null;

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  /** @param length bytes, `CHUNKED` or `UNTIL_CLOSE` */
  begin(length: number): void {
    this.#length = length;
    this.#left = length;
    if (length !== CHUNKED) return;
    this.#chunks ??= new ChunkedReader(this.#maxTrailerBytes);
    this.#chunks.reset();
  }

  /** Ends with the connection, and only then. */
  get isUntilClose(): boolean {
    return this.#length === UNTIL_CLOSE;
  }

  /** After DONE: unchecked trailer lines, each with its CR LF. */
  get trailers(): string {
    return this.#length === CHUNKED && this.#chunks !== null ? this.#chunks.trailers : "";
  }

  /** Reads on from `position` up to the next event. Call again until it says MORE, DONE or a fault. */
  next(buffer: Uint8Array, end: number): ChunkEvent {
    if (this.#length === CHUNKED && this.#chunks !== null) {
      return this.#nextOfChunks(this.#chunks, buffer, end);
    }
    const isBounded = this.#length !== UNTIL_CLOSE;
    if (isBounded && this.#left === 0) return Chunk.DONE;
    const here = end - this.position;
    if (here === 0) return Chunk.MORE;
    const size = isBounded && this.#left < here ? this.#left : here;
    this.#left -= size;
    this.dataStart = this.position;
    this.dataEnd = this.position = this.position + size;
    return Chunk.DATA;
  }

  #nextOfChunks(chunks: ChunkedReader, buffer: Uint8Array, end: number): ChunkEvent {
    chunks.position = this.position;
    const event = chunks.next(buffer, end);
    this.position = chunks.position;
    this.dataStart = chunks.dataStart;
    this.dataEnd = chunks.dataEnd;
    return event;
  }
}
