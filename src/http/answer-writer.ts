// Writes answers to a client: says how the body is framed and whether the connection stays, as the
// client's version allows. Hot: bench/head.ts

import { CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import type { Writer } from "./writer.ts";

export class AnswerWriter {
  readonly #writer: Writer;
  #isChunked = false;
  /** The end of the connection is the end of the answer: a client that knows no chunks. */
  isCloseDelimited = false;

  constructor(writer: Writer) {
    this.#writer = writer;
  }

  /**
   * Writes a head.
   * @param head status line and field lines, each with its CR LF
   * @param bodyLength bytes, `CHUNKED`, or `UNTIL_CLOSE`
   * @param minor the client's version, 0 for HTTP/1.0
   * @param isKept the connection could stay open
   * @returns whether it does
   */
  head(status: number, head: string, bodyLength: number, minor: number, isKept: boolean): boolean {
    const isUnknown = bodyLength === CHUNKED || bodyLength === UNTIL_CLOSE;
    this.#isChunked = isUnknown && minor === 1;
    this.isCloseDelimited = isUnknown && minor === 0;
    if (status === 101) {
      this.#writer.text(`${head}\r\n`);
      return isKept;
    }
    let framing = this.#isChunked ? "Transfer-Encoding: chunked\r\n" : "";
    const staysOpen = isKept && !this.isCloseDelimited;
    if (!staysOpen) framing += "Connection: close\r\n";
    else if (minor === 0) framing += "Connection: keep-alive\r\n";
    this.#writer.text(framing === "" ? `${head}\r\n` : `${head}${framing}\r\n`);
    return staysOpen;
  }

  /** Each of these returns the bytes it writes, chunk framing included. */
  data(buffer: Buffer, start: number, end: number): number {
    if (this.#isChunked) return this.#writer.chunk(buffer, start, end);
    this.#writer.bytes(buffer, start, end);
    return end - start;
  }

  text(text: string): number {
    return this.#write(this.#isChunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
  }

  /** @param trailers lines, each with its CR LF; left out where the framing has no place for them */
  end(trailers: string): number {
    return this.#isChunked ? this.#write(`0\r\n${trailers}\r\n`) : 0;
  }

  #write(text: string): number {
    this.#writer.text(text);
    return text.length;
  }
}
