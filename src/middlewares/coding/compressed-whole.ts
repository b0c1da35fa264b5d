// The body of one answer, short and of a known length: compressed in one call when it is all here. A source that takes long over
// it is not waited for: then it goes out as it comes.

import { compressionPatience } from "../../config/coding-limits.ts";
import type { BodyFilter, FilterOutput } from "../../http/answer-review.ts";
import { Deadline, type Deadlined, type Wheel } from "../../lib/wheel.ts";
import { CompressedStream, mayCompressMore } from "./compressed-stream.ts";
import { type CompressionWay, compressWhole } from "./compressor.ts";

export class CompressedWhole implements BodyFilter, Deadlined {
  readonly #way: CompressionWay;
  readonly #out: FilterOutput;
  readonly #wheel: Wheel;
  #deadline: Deadline | undefined;
  #gathered: Buffer | undefined;
  #bytes = 0;
  #stream: CompressedStream | undefined;

  constructor(way: CompressionWay, out: FilterOutput, wheel: Wheel) {
    this.#way = way;
    this.#out = out;
    this.#wheel = wheel;
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.#stream !== undefined) {
      this.#stream.write(buffer, start, end);
      return;
    }
    const { length } = this.#way;
    if (end - start === length) {
      this.#give(buffer.subarray(start, end));
      return;
    }
    this.#gathered ??= Buffer.allocUnsafe(length);
    this.#bytes += buffer.copy(this.#gathered, this.#bytes, start, end);
    if (this.#bytes < length) return;
    this.#give(this.#gathered);
    this.#gathered = undefined;
  }

  #give(bytes: Buffer): void {
    this.#disarm();
    const packed = compressWhole(this.#way, bytes);
    this.#out.write(packed, 0, packed.length);
  }

  flush(): boolean {
    if (this.#stream !== undefined) return this.#stream.flush();
    if (this.#gathered === undefined) return this.#out.flush();
    if (this.#deadline === undefined) {
      this.#deadline = new Deadline(this);
      this.#wheel.arm(this.#deadline, compressionPatience);
    }
    return true;
  }

  onDeadline(): void {
    if (this.#gathered === undefined || !mayCompressMore()) return;
    this.#stream = new CompressedStream(this.#way, this.#out);
    this.#stream.write(this.#gathered, 0, this.#bytes);
    this.#gathered = undefined;
    this.#stream.flush();
  }

  end(trailers: string): void {
    if (this.#stream === undefined) this.#out.end(trailers);
    else this.#stream.end(trailers);
  }

  onDrain(): void {
    if (this.#stream === undefined) this.#out.resume();
    else this.#stream.onDrain();
  }

  #disarm(): void {
    if (this.#deadline !== undefined) this.#wheel.release(this.#deadline);
    this.#deadline = undefined;
  }

  close(): void {
    this.#disarm();
    this.#gathered = undefined;
    this.#stream?.close();
  }
}
