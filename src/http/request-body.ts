// Delivers the body of a request to whoever takes it, counted against its limit and with its trailers
// checked. Hot: bench/head.ts

import { BodyReader } from "./body-reader.ts";
import { Chunk } from "./chunked.ts";
import type { FailureCode } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { readTrailers } from "./trailers.ts";

export class RequestBody {
  /** After "done": where in the buffer the body ended. */
  position = 0;
  /** After "done": checked trailer lines. */
  trailers = "";
  readonly #reader: BodyReader;

  constructor(maxTrailerBytes: number) {
    this.#reader = new BodyReader(maxTrailerBytes);
  }

  /** @param length bytes, or `CHUNKED` */
  begin(length: number): void {
    this.#reader.begin(length);
    this.trailers = "";
  }

  /** Hands bytes to the exchange's sink until they, the body or the exchange end. */
  read(
    exchange: Exchange,
    buffer: Buffer,
    start: number,
    end: number,
  ): "more" | "done" | FailureCode {
    const reader = this.#reader;
    reader.position = start;
    while (!exchange.isDone) {
      switch (reader.next(buffer, end)) {
        case Chunk.MORE:
          return "more";
        case Chunk.DATA:
          exchange.requestBytes += reader.dataEnd - reader.dataStart;
          if (exchange.maxBody > 0 && exchange.requestBytes > exchange.maxBody) {
            return "BODY_TOO_LARGE";
          }
          exchange.receiver?.onRequestData(buffer, reader.dataStart, reader.dataEnd);
          break;
        case Chunk.DONE: {
          const trailers = readTrailers(reader.trailers);
          if (trailers.kind === "bad") return trailers.why;
          this.trailers = trailers.lines;
          this.position = reader.position;
          return "done";
        }
        case Chunk.BAD:
          return "BAD_CHUNK";
        case Chunk.TOO_LARGE:
          return "HEAD_TOO_LARGE";
      }
    }
    return "more";
  }
}
