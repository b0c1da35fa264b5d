// The beginning of a body, copied as it passes: received bytes stand in a buffer that the next read overwrites.

export class Copy {
  readonly #most: number;
  // One buffer that grows: a body may come byte by byte, and a piece for each would be a hundred times as much.
  #buffer = Buffer.alloc(0);
  #kept = 0;
  /** All that passed, bytes. */
  total = 0;

  /** @param most bytes that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  add(buffer: Buffer, start: number, end: number): void {
    this.total += end - start;
    const length = Math.min(end - start, this.#most - this.#kept);
    if (length <= 0) return;
    if (this.#kept + length > this.#buffer.length) this.#grow(this.#kept + length);
    buffer.copy(this.#buffer, this.#kept, start, start + length);
    this.#kept += length;
  }

  #grow(least: number): void {
    const size = Math.min(this.#most, Math.max(least, this.#buffer.length * 2));
    const larger = Buffer.alloc(size);
    this.#buffer.copy(larger, 0, 0, this.#kept);
    this.#buffer = larger;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#kept);
  }
}
