// Gathers a request's head, which may come in pieces of any size, and refuses what is wrong already
// before its end is there. Hot: bench/head.ts

import type { FailureCode } from "./errors.ts";
import { RequestHead, type HeadLimits } from "./request-head.ts";

export class HeadReader {
  /** The complete head stands in text[0, end), or, after a fault, what came of it. */
  text = "";
  end = 0;
  #partial = "";
  /** An empty line before this head was passed over; there may be one. */
  #isLineSkipped = false;

  /** Nothing of a head has come. */
  get isEmpty(): boolean {
    return this.#partial === "";
  }

  /** What came of a head that will not be completed. */
  takePartial(): string {
    const partial = this.#partial;
    this.clear();
    return partial;
  }

  clear(): void {
    this.text = "";
    this.#partial = "";
    this.#isLineSkipped = false;
  }

  /** Returns where in the buffer the head ended, -1 when more must come, or what is wrong. */
  read(buffer: Buffer, start: number, end: number, limits: HeadLimits): number | FailureCode {
    const received = buffer.latin1Slice(start, end);
    let text = this.#partial === "" ? received : this.#partial + received;
    // One stray CR LF before a request line is the habit of old clients (RFC 9112 section 2.2).
    if (text.charCodeAt(0) === 13 && text.length > 2 && !this.#isLineSkipped && text[1] === "\n") {
      this.#isLineSkipped = true;
      text = text.slice(2);
    }
    if (limits.bareLf && text.includes("\n")) return this.#readLoose(text, end, limits);
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return this.#keep(text, limits);
    return this.#complete(text, headEnd + 4, end - (text.length - headEnd - 4), limits);
  }

  #complete(text: string, length: number, after: number, limits: HeadLimits): number | FailureCode {
    this.#partial = "";
    this.#isLineSkipped = false;
    this.text = text;
    this.end = length;
    return length > limits.headBytes ? "HEAD_TOO_LARGE" : after;
  }

  /** With `compat.bareLf`: the same head, its line ends written properly. */
  #readLoose(text: string, end: number, limits: HeadLimits): number | FailureCode {
    const found = /\r?\n\r?\n/.exec(text);
    if (found === null) {
      this.#partial = this.text = text;
      return text.length > limits.headBytes ? "HEAD_TOO_LARGE" : -1;
    }
    const length = found.index + found[0].length;
    const head = text.slice(0, length).replace(/\r?\n/g, "\r\n");
    return this.#complete(head, head.length, end - (text.length - length), limits);
  }

  /** Waits for the rest, unless the head is wrong already. */
  #keep(text: string, limits: HeadLimits): number | FailureCode {
    const looked = this.#partial.length;
    this.#partial = text;
    const wrong = faultOf(text, looked, limits);
    if (wrong === undefined) return -1;
    this.text = text;
    return wrong;
  }
}

/**
 * What is wrong with a head that is not complete yet, if that can be said already.
 * @param looked so many characters were looked at before and found good
 */
function faultOf(text: string, looked: number, limits: HeadLimits): FailureCode | undefined {
  const lineEnd = text.indexOf("\n");
  if (lineEnd < 0) {
    const first = text.charCodeAt(0);
    // No method starts with a control character: a TLS hello, say. It would wait for ever.
    if (first < 32 && first !== 13) return "BAD_REQUEST_LINE";
    return text.length > limits.targetBytes + 64 ? "TARGET_TOO_LONG" : undefined;
  }
  if (text.length > limits.headBytes) return "HEAD_TOO_LARGE";
  if (text.startsWith("\r\n") && text.length > 2) return "BAD_REQUEST_LINE";
  for (let at = text.indexOf("\n", looked); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (text.charCodeAt(at - 1) !== 13) return "BAD_LINE_END";
  }
  // The first line is here: a bad one need not wait for its fields.
  if (lineEnd < Math.max(looked, 2)) return undefined;
  const line = `${text.slice(0, lineEnd + 1)}\r\n`;
  const wrong = new RequestHead().read(line, 0, line.length, limits);
  return wrong === "BAD_HOST" ? undefined : wrong;
}
