// Bytes of a client that wait until it is known where they go, in one piece. Whoever adds bounds how many.

const nothing = Buffer.alloc(0);

export class KeptBytes {
  #bytes: Buffer = nothing;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Valid until something is added. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(buffer: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    buffer.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  clear(): void {
    this.#bytes = nothing;
    this.#length = 0;
  }
}
