// The body of a request on its way to one backend or two: as fast as the slowest of them takes it.

import type { Readable } from "node:stream";

export interface BodyTaker {
  /** It takes nothing any more. */
  readonly isOver: boolean;
  /** False: wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  end(): void;
}

export class BodyFeed {
  readonly #takers: readonly BodyTaker[];
  readonly #source: Readable;
  #isPaused = false;

  constructor(source: Readable, takers: readonly BodyTaker[]) {
    this.#source = source;
    this.#takers = takers;
  }

  begin(): void {
    // Whoever failed leaves the body to whoever tries again.
    if (this.#takers.every((each) => each.isOver)) return;
    if (this.#source.readableEnded) {
      this.#end();
      return;
    }
    this.#source.on("data", (chunk: unknown) => {
      const bytes = this.#bytesOf(chunk);
      if (bytes === undefined) {
        this.#source.destroy(new TypeError("a body is read as text or bytes"));
        return;
      }
      for (const each of this.#takers) {
        if (each.write(bytes)) continue;
        this.#isPaused = true;
        this.#source.pause();
      }
    });
    this.#source.on("end", () => this.#end());
  }

  #bytesOf(chunk: unknown): Buffer | undefined {
    // It may have been told to decode them.
    if (typeof chunk === "string") {
      return Buffer.from(chunk, this.#source.readableEncoding ?? "utf8");
    }
    if (Buffer.isBuffer(chunk)) return chunk;
    return chunk instanceof Uint8Array ? Buffer.from(chunk) : undefined;
  }

  #end(): void {
    for (const each of this.#takers) each.end();
  }

  /** One of them took what was held back; whoever has not says so with the next piece. */
  onDrain(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#source.resume();
  }
}
