// Lines of a program's error stream during one request. What is too much is counted and not kept: a program that writes
// nothing else must neither fill memory nor a log.

import { maxErrorBytes, maxErrorLineBytes } from "../config/gateway-limits.ts";

export class ErrorLines {
  #line = "";
  #taken = 0;
  #cut = 0;

  /** Takes bytes of the stream. @param tell gets each line, without its end */
  take(buffer: Buffer, start: number, end: number, tell: (line: string) => void): void {
    const taken = Math.min(end - start, maxErrorBytes - this.#taken);
    this.#taken += taken;
    this.#cut += end - start - taken;
    if (taken === 0) return;
    const lines = (this.#line + buffer.latin1Slice(start, start + taken)).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#tellAll(line, tell);
    if (this.#line.length < maxErrorLineBytes) return;
    this.#tellAll(this.#line, tell);
    this.#line = "";
  }

  /** The stream has ended. */
  end(tell: (line: string) => void): void {
    this.#tellAll(this.#line, tell);
    if (this.#cut > 0) tell(`(${this.#cut} more bytes of its error stream are left out)`);
    this.#line = "";
    this.#cut = 0;
  }

  #tellAll(line: string, tell: (line: string) => void): void {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    for (let at = 0; at < text.length; at += maxErrorLineBytes) {
      tell(text.slice(at, at + maxErrorLineBytes));
    }
  }
}
