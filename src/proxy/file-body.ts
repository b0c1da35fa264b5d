// Sends parts of an open file, and texts between them, as fast as the client takes them: one piece of it is in memory, whatever its
// size. Closes the file, whatever becomes of the exchange.

import { spareBuffers, streamChunkBytes } from "../config/files-limits.ts";
import type { Piece } from "../files/multipart.ts";
import type { ReadOutcome, Reads } from "../files/reading.ts";
import type { OpenFile } from "../guest/finding.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Exchange, RequestSink } from "../http/exchange.ts";
import type { ErrorPages } from "./error-page.ts";
import { fail, unanswered } from "./fail.ts";

const spares: Buffer[] = [];

export class FileBody implements RequestSink {
  readonly #exchange: Exchange;
  readonly #pages: ErrorPages | undefined;
  readonly #file: OpenFile;
  readonly #reads: Reads;
  readonly #pieces: readonly Piece[];
  readonly #buffer: Buffer;
  #piece = 0;
  /** Of the next read, within the piece. */
  #position = -1;
  /** The buffer and the file are in the hands of the file system. */
  #isReading = false;
  #isOver = false;

  private constructor(
    exchange: Exchange,
    pages: ErrorPages | undefined,
    file: OpenFile,
    reads: Reads,
    pieces: readonly Piece[],
  ) {
    this.#exchange = exchange;
    this.#pages = pages;
    this.#file = file;
    this.#reads = reads;
    this.#pieces = pieces;
    this.#buffer = spares.pop() ?? Buffer.allocUnsafeSlow(streamChunkBytes);
  }

  /** The head has been written. */
  static send(
    exchange: Exchange,
    pages: ErrorPages | undefined,
    file: OpenFile,
    reads: Reads,
    pieces: readonly Piece[],
  ): void {
    const body = new FileBody(exchange, pages, file, reads, pieces);
    exchange.sink = body;
    body.#next();
  }

  /** Goes on with the next read; ends when there is none. */
  #next(): void {
    const { client } = this.#exchange;
    for (; this.#piece < this.#pieces.length; this.#piece++) {
      const piece = this.#pieces[this.#piece]!;
      if (typeof piece === "string") {
        client.writeText(piece);
        continue;
      }
      if (this.#position < 0) this.#position = piece.start;
      if (this.#position < piece.end) {
        this.#read(piece.end - this.#position);
        return;
      }
      this.#position = -1;
    }
    this.#end();
    client.endAnswer("");
  }

  #read(left: number): void {
    this.#isReading = true;
    const length = Math.min(left, this.#buffer.length);
    const settled = () => {
      this.#isReading = false;
      if (this.#isOver) this.#letGo();
    };
    void this.#reads
      .read(this.#file, this.#buffer, length, this.#position, settled)
      .then((outcome) => this.#take(outcome));
  }

  #take(outcome: ReadOutcome): void {
    if (this.#isOver) return;
    // Nothing left of what was promised: the file became shorter.
    if (typeof outcome === "string" || outcome === 0) {
      this.#end();
      fail(this.#exchange, outcome === "late" ? "FILE_TIMEOUT" : "FILE_FAILED", this.#pages);
      return;
    }
    this.#position += outcome;
    this.#exchange.client.writeData(this.#buffer, 0, outcome);
    if (this.#exchange.client.flush()) this.#next();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isReading) this.#letGo();
  }

  #letGo(): void {
    this.#file.close();
    if (spares.length < spareBuffers) spares.push(this.#buffer);
  }

  onClientDrain(): void {
    if (!this.#isOver && !this.#isReading) this.#next();
  }

  onRequestFailed(code: FailureCode): void {
    if (this.#isOver) return;
    this.#end();
    if (!unanswered.has(code)) fail(this.#exchange, code, this.#pages);
  }

  // A body that came with the request is nobody's business.

  onRequestData(): void {}

  onRequestEnd(): void {}

  onRequestFlush(): void {}
}
