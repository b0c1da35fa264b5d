// Lines of an answer without end, as its bytes come in pieces.

export class Lines {
  readonly #maxBytes: number;
  readonly #read: (line: string) => void;
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number, read: (line: string) => void) {
    this.#maxBytes = maxBytes;
    this.#read = read;
  }

  /** Throws when a line is longer than allowed, and what `read` throws. */
  push(bytes: Buffer): void {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(10, start);
      const piece = bytes.subarray(start, end === -1 ? undefined : end);
      this.#size += piece.length;
      if (this.#size > this.#maxBytes) {
        throw new Error(`it sent a line of more than ${this.#maxBytes / 1024 ** 2} MiB`);
      }
      // A piece of a larger buffer would keep all of that alive.
      this.#pieces.push(end === -1 ? Buffer.from(piece) : piece);
      if (end === -1) return;
      const line = Buffer.concat(this.#pieces).toString();
      this.#pieces = [];
      this.#size = 0;
      if (line.trim() !== "") this.#read(line);
      start = end + 1;
    }
  }
}
