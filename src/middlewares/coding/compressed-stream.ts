// The body of one answer, compressed as it comes.

import type { BodyFilter, FilterOutput } from "../../http/answer-review.ts";
import { mostCompressions } from "../../config/coding-limits.ts";
import { type CompressionWay, compressionStream, flushKindOf } from "./compressor.ts";
import { StreamCoder, type CoderUser } from "./stream-coder.ts";

/** Of this process. */
let running = 0;

export function mayCompressMore(): boolean {
  return running < mostCompressions;
}

export class CompressedStream implements BodyFilter, CoderUser {
  readonly #out: FilterOutput;
  readonly #way: CompressionWay;
  readonly #coder: StreamCoder;
  #trailers = "";
  /** The end of what came lately is still to be flushed. */
  #isLate = false;
  #isFresh = false;
  #isEnding = false;
  #isClosed = false;

  constructor(way: CompressionWay, out: FilterOutput) {
    this.#way = way;
    this.#out = out;
    this.#coder = new StreamCoder([compressionStream(way)], this);
    running++;
  }

  write(buffer: Buffer, start: number, end: number): void {
    this.#coder.gather(buffer, start, end);
    this.#isFresh = true;
  }

  flush(): boolean {
    if (this.#isFresh && !this.#isLate) {
      this.#isLate = true;
      setImmediate(() => this.#flushLater());
    }
    return this.#coder.push();
  }

  /** A source that goes on sending is not flushed after each read; one that pauses is, a turn of the loop later. */
  #flushLater(): void {
    if (this.#isClosed || this.#isEnding) return;
    if (this.#isFresh) {
      this.#isFresh = false;
      setImmediate(() => this.#flushLater());
      return;
    }
    this.#isLate = false;
    this.#coder.flush(flushKindOf(this.#way));
  }

  end(trailers: string): void {
    this.#isEnding = true;
    this.#trailers = trailers;
    this.#coder.end();
  }

  onDrain(): void {
    this.#coder.resume();
  }

  onCoded(bytes: Buffer): void {
    this.#out.write(bytes, 0, bytes.length);
    if (!this.#out.flush()) this.#coder.pause();
  }

  onCoderEnd(): void {
    this.#out.end(this.#trailers);
  }

  onCoderDrain(): void {
    this.#out.resume();
  }

  onCoderFailed(): void {
    this.#out.fail("INTERNAL");
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    running--;
    this.#coder.close();
  }
}
