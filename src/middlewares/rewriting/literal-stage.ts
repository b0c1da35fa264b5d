// Puts one text in the place of another, however the bytes come. What is kept back is the beginning of what is looked for, never
// more, so that nothing waits that could not become a match.

import type { Give, Stage } from "./stage.ts";

/** A text that is looked for, prepared once. */
export class Needle {
  readonly bytes: Buffer;
  /** Of the first n bytes, the longest beginning that is also their end (Knuth, Morris and Pratt). */
  readonly borders: Uint16Array;

  constructor(text: string) {
    this.bytes = Buffer.from(text);
    this.borders = bordersOf(this.bytes);
  }
}

function bordersOf(bytes: Buffer): Uint16Array {
  const borders = new Uint16Array(bytes.length + 1);
  let border = 0;
  for (let at = 1; at < bytes.length; at++) {
    while (border > 0 && bytes[at] !== bytes[border]) border = borders[border] ?? 0;
    if (bytes[at] === bytes[border]) border++;
    borders[at + 1] = border;
  }
  return borders;
}

export class LiteralStage implements Stage {
  readonly #needle: Needle;
  readonly #replacement: Buffer;
  readonly #give: Give;
  #left: number;
  /** So many bytes of the needle have come, and wait for the others. */
  #matched = 0;

  /** @param most so many are replaced; 0 = all */
  constructor(needle: Needle, replacement: Buffer, most: number, give: Give) {
    this.#needle = needle;
    this.#replacement = replacement;
    this.#left = most === 0 ? Infinity : most;
    this.#give = give;
  }

  write(buffer: Buffer, start: number, end: number): void {
    const { bytes, borders } = this.#needle;
    let matched = this.#matched;
    /** Where what waits begins; before `start` it is the needle's own beginning. */
    const origin = start - matched;
    let from = origin;
    let at = start;
    while (at < end) {
      if (this.#left === 0) {
        at = end;
        break;
      }
      if (matched === 0) {
        at = skip(buffer, at, end, bytes);
        if (at >= end) break;
      }
      const byte = buffer[at];
      while (matched > 0 && bytes[matched] !== byte) matched = borders[matched] ?? 0;
      if (bytes[matched] === byte) matched++;
      at++;
      if (matched === bytes.length) {
        this.#pass(buffer, start, origin, from, at - matched);
        this.#give(this.#replacement, 0, this.#replacement.length);
        this.#left--;
        matched = 0;
        from = at;
      }
    }
    this.#pass(buffer, start, origin, from, end - matched);
    this.#matched = matched;
  }

  /** Gives what stands from `from` to `to`; what stands before `start` came earlier. */
  #pass(buffer: Buffer, start: number, origin: number, from: number, to: number): void {
    if (to <= from) return;
    if (from < start) this.#give(this.#needle.bytes, from - origin, Math.min(to, start) - origin);
    if (to > start) this.#give(buffer, Math.max(from, start), to);
  }

  end(): void {
    if (this.#matched > 0) this.#give(this.#needle.bytes, 0, this.#matched);
    this.#matched = 0;
  }
}

/** The next place where the needle stands, or could begin to. */
function skip(buffer: Buffer, at: number, end: number, bytes: Buffer): number {
  if (end - at < bytes.length) return at;
  const found = buffer.subarray(at, end).indexOf(bytes);
  return found < 0 ? end - bytes.length + 1 : at + found;
}
