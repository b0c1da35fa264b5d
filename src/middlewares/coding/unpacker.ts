// A body that comes packed, unpacked as it comes: what does not end as it should, or has something behind its end, is refused,
// and what grows beyond measure too.

import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";
import {
  coderBacklog,
  coderPiece,
  freeExpansion,
  mostExpansion,
  mostUnpackings,
  zstdWindow,
} from "../../config/coding-limits.ts";
import type { BodyFilter, FilterOutput } from "../../http/answer-review.ts";
import type { FailureCode } from "../../http/errors.ts";
import { StreamCoder, type CoderUser, type ZlibStream } from "./stream-coder.ts";

/** Of this process. */
let running = 0;

export function mayUnpackMore(): boolean {
  return running < mostUnpackings;
}

export interface UnpackerOptions {
  /** As Content-Encoding has them: the last was put on last. */
  readonly codings: readonly string[];
  /** Of what comes out, bytes, when it is asked; 0 = no limit. */
  mostBytes(): number;
  readonly onBad: FailureCode;
  readonly onTooMuch: FailureCode;
}

export class Unpacker implements BodyFilter, CoderUser {
  readonly #options: UnpackerOptions;
  readonly #out: FilterOutput;
  #coder: StreamCoder | undefined;
  #trailers = "";
  #given = 0;
  #isEnding = false;
  #isClosed = false;

  constructor(options: UnpackerOptions, out: FilterOutput) {
    this.#options = options;
    this.#out = out;
    running++;
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.#coder ??= this.#coderFor(buffer[start] ?? 0);
    this.#coder.gather(buffer, start, end);
  }

  #coderFor(firstByte: number): StreamCoder {
    const streams = this.#options.codings
      .toReversed()
      .map((coding, at) => unpackingStream(coding, at === 0 ? firstByte : undefined));
    return new StreamCoder(streams, this);
  }

  flush(): boolean {
    return this.#coder === undefined ? this.#out.flush() : this.#coder.push();
  }

  end(trailers: string): void {
    this.#isEnding = true;
    this.#trailers = trailers;
    // Nothing at all is nothing, however it was packed.
    if (this.#coder === undefined) this.#out.end(trailers);
    else this.#coder.end();
  }

  onDrain(): void {
    if (this.#coder === undefined) this.#out.resume();
    else this.#coder.resume();
  }

  onCoded(bytes: Buffer): void {
    this.#given += bytes.length;
    const most = this.#options.mostBytes();
    const taken = this.#coder?.taken ?? 0;
    const isBomb = this.#given > freeExpansion && this.#given > taken * mostExpansion;
    if (isBomb || (most > 0 && this.#given > most)) {
      this.#fail(this.#options.onTooMuch);
      return;
    }
    this.#out.write(bytes, 0, bytes.length);
    if (!this.#out.flush()) this.#coder?.pause();
  }

  onCoderEnd(): void {
    const isWhole = this.#isEnding && this.#coder?.used === this.#coder?.taken;
    if (isWhole) this.#out.end(this.#trailers);
    else this.#fail(this.#options.onBad);
  }

  onCoderDrain(): void {
    this.#out.resume();
  }

  onCoderFailed(): void {
    this.#fail(this.#options.onBad);
  }

  #fail(code: FailureCode): void {
    const isFirst = !this.#isClosed;
    this.close();
    if (isFirst) this.#out.fail(code);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    running--;
    this.#coder?.close();
  }
}

const sizes = { chunkSize: coderPiece, highWaterMark: coderBacklog };

/** @param firstByte undefined = nobody knows yet */
function unpackingStream(coding: string, firstByte: number | undefined): ZlibStream {
  switch (coding) {
    case "br":
      return createBrotliDecompress(sizes);
    case "zstd":
      return createZstdDecompress({
        ...sizes,
        params: { [constants.ZSTD_d_windowLogMax]: zstdWindow },
      });
    case "deflate": {
      // RFC 9110 section 8.4.1.2: some send it without zlib's head, whose lower half is 8.
      const isBare = firstByte !== undefined && (firstByte & 0x0f) !== 8;
      return isBare ? createInflateRaw(sizes) : createInflate(sizes);
    }
    default:
      return createGunzip(sizes);
  }
}
