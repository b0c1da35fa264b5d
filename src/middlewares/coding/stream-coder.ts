// Bytes that go through zlib as they come: in threads, with what waits bounded at both ends.

import type { Transform } from "node:stream";
import type { Zlib } from "node:zlib";

/** A stream of `node:zlib`. */
export type ZlibStream = Transform & Zlib;

export interface CoderUser {
  /** The bytes stay valid. */
  onCoded(bytes: Buffer): void;
  /** All that was put in has come out. */
  onCoderEnd(): void;
  /** It takes more, after `push` said that it does not. */
  onCoderDrain(): void;
  onCoderFailed(error: Error): void;
}

export class StreamCoder {
  /** The first takes, the last gives. */
  readonly #streams: readonly ZlibStream[];
  readonly #user: CoderUser;
  #gathered: Buffer[] = [];
  /** Bytes put in so far. */
  taken = 0;
  #isClosed = false;

  constructor(streams: readonly ZlibStream[], user: CoderUser) {
    this.#streams = streams;
    this.#user = user;
    for (const [index, stream] of streams.entries()) {
      const next = streams[index + 1];
      if (next === undefined) this.#listen(stream);
      else stream.pipe(next);
      stream.on("error", (error) => {
        if (!this.#isClosed) user.onCoderFailed(error);
      });
    }
    streams[0]?.on("drain", () => {
      if (!this.#isClosed) user.onCoderDrain();
    });
  }

  #listen(last: ZlibStream): void {
    last.on("data", (bytes: Buffer) => {
      if (!this.#isClosed) this.#user.onCoded(bytes);
    });
    last.on("end", () => {
      if (!this.#isClosed) this.#user.onCoderEnd();
    });
  }

  /** Kept until `push`: each hop to a thread has its price. */
  gather(buffer: Buffer, start: number, end: number): void {
    this.#gathered.push(Buffer.from(buffer.subarray(start, end)));
  }

  /** False: what was gathered is enough for now. */
  push(): boolean {
    const [first] = this.#streams;
    if (first === undefined || this.#isClosed) return true;
    if (this.#gathered.length > 0) {
      const [only] = this.#gathered;
      const isOne = only !== undefined && this.#gathered.length === 1;
      const bytes = isOne ? only : Buffer.concat(this.#gathered);
      this.#gathered = [];
      this.taken += bytes.length;
      first.write(bytes);
    }
    return !first.writableNeedDrain;
  }

  /** What is in it comes out soon. @param kind of `node:zlib`; left out = as the stream has it */
  flush(kind?: number): void {
    const [first] = this.#streams;
    if (this.#isClosed || first === undefined) return;
    if (kind === undefined) first.flush();
    else first.flush(kind);
  }

  end(): void {
    this.push();
    if (!this.#isClosed) this.#streams[0]?.end();
  }

  /** Nothing comes out until `resume`. */
  pause(): void {
    this.#streams.at(-1)?.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#streams.at(-1)?.resume();
  }

  /** Bytes that were put in and looked at: fewer than `taken` when the last of them belong to nothing. */
  get used(): number {
    return this.#streams[0]?.bytesWritten ?? 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#gathered = [];
    for (const stream of this.#streams) stream.destroy();
  }
}
