// Reads a chunked body (RFC 9112 section 7.1) as it arrives, in pieces of any size.
//
// Stricter than the RFC where leniency has been used to smuggle requests: a bare LF ends nothing, no
// whitespace stands around a size or an extension, a size has at most 13 hex digits, and an extension line
// is short. Extensions are checked and forgotten; what is passed on is framed anew, so the next server
// never sees them.

import { hexValue } from "./characters.ts";

/** What `next` found. */
export const Chunk = {
  /** All bytes given are used up. */
  MORE: 0,
  /** Body bytes at [dataStart, dataEnd) of the buffer. */
  DATA: 1,
  /** The body is complete; `trailers` holds the trailer lines. */
  DONE: 2,
  /** Malformed. */
  BAD: 3,
  /** The trailer section is too long. */
  TOO_LARGE: 4,
} as const;

export type ChunkEvent = (typeof Chunk)[keyof typeof Chunk];

const State = { SIZE: 0, EXTENSION: 1, SIZE_LF: 2, DATA: 3, DATA_CR: 4, DATA_LF: 5, TRAILERS: 6 };

const maxSizeDigits = 13;
const maxExtensionBytes = 256;
const extensions =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)+$/;

export class ChunkedReader {
  /** Where `next` goes on reading. */
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  /** Trailer lines, each with its CR LF, unchecked; "" when there are none. */
  trailers = "";
  readonly #maxTrailerBytes: number;
  #state = State.SIZE;
  #digits = 0;
  /** Of the current chunk, bytes still to come. */
  #left = 0;
  #extension = "";

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  reset(): void {
    this.#state = State.SIZE;
    this.#digits = 0;
    this.#left = 0;
    this.#extension = "";
    this.trailers = "";
  }

  /** Reads on from `position` up to the next event. Call again until it says MORE, DONE or a fault. */
  next(buffer: Uint8Array, end: number): ChunkEvent {
    while (this.position < end) {
      if (this.#state === State.DATA) return this.#takeData(end);
      if (this.#state === State.TRAILERS) return this.#takeTrailers(buffer, end);
      if (!this.#step(buffer[this.position]!)) return Chunk.BAD;
      this.position++;
    }
    return Chunk.MORE;
  }

  #takeData(end: number): ChunkEvent {
    const size = Math.min(this.#left, end - this.position);
    this.dataStart = this.position;
    this.dataEnd = this.position = this.position + size;
    this.#left -= size;
    if (this.#left === 0) this.#state = State.DATA_CR;
    return Chunk.DATA;
  }

  /** Takes one byte of the syntax around the data; false when it must not stand there. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case State.SIZE:
        return this.#stepSize(byte);
      case State.EXTENSION:
        if (byte === 13) this.#state = State.SIZE_LF;
        else this.#extension += String.fromCharCode(byte);
        return this.#extension.length <= maxExtensionBytes;
      case State.SIZE_LF:
        if (byte !== 10 || (this.#extension !== "" && !extensions.test(this.#extension)))
          return false;
        this.#extension = "";
        this.#digits = 0;
        this.#state = this.#left === 0 ? State.TRAILERS : State.DATA;
        return true;
      case State.DATA_CR:
        this.#state = State.DATA_LF;
        return byte === 13;
      default:
        this.#state = State.SIZE;
        return byte === 10;
    }
  }

  #stepSize(byte: number): boolean {
    const digit = hexValue[byte]!;
    if (digit < 16) {
      this.#left = this.#left * 16 + digit;
      return ++this.#digits <= maxSizeDigits;
    }
    if (this.#digits === 0) return false;
    if (byte === 13) {
      this.#state = State.SIZE_LF;
      return true;
    }
    this.#extension = ";";
    this.#state = State.EXTENSION;
    return byte === 59; /* ; */
  }

  /** Gathers the trailer section, up to and with the empty line. */
  #takeTrailers(buffer: Uint8Array, end: number): ChunkEvent {
    while (this.position < end) {
      const byte = buffer[this.position++]!;
      this.trailers += String.fromCharCode(byte);
      if (byte === 10 && !this.trailers.endsWith("\r\n")) return Chunk.BAD;
      if (byte === 10 && isTrailerEnd(this.trailers)) {
        this.trailers = this.trailers.slice(0, -2);
        return Chunk.DONE;
      }
      if (this.trailers.length > this.#maxTrailerBytes) return Chunk.TOO_LARGE;
    }
    return Chunk.MORE;
  }
}

function isTrailerEnd(trailers: string): boolean {
  return trailers.length === 2 || trailers.endsWith("\r\n\r\n");
}
