// Replaces what a regular expression matches, however the bytes come. So much as a match may be long is kept back and looked at
// again; what would match more than that stays as it is.

import type { Give, Stage } from "./stage.ts";

export interface Pattern {
  /** With the flag g; stands for bytes, each as one character of latin1. */
  readonly expression: RegExp;
  /** The same, slower on usual bodies and not on any others; left out = it cannot be had. */
  readonly linear?: RegExp | undefined;
  /** Longest match, bytes. */
  readonly longest: number;
}

/** Looked at in one go, bytes: beyond it what an expression costs would grow with the square of what comes. */
const pieceBytes = 4 * 1024;

/** A piece takes a hundredth of that, ms: the body is made for taking long. */
const longestPiece = 10;

export class PatternStage implements Stage {
  readonly #pattern: Pattern;
  readonly #replacement: readonly Part[];
  readonly #give: Give;
  #left: number;
  #expression: RegExp;
  /** What is kept back, and one byte that was given before it, so that ^ and \b see what stands there. */
  #text = "";
  #given: 0 | 1 = 0;

  /** @param most so many are replaced; 0 = all */
  constructor(pattern: Pattern, replacement: readonly Part[], most: number, give: Give) {
    this.#pattern = pattern;
    this.#expression = pattern.expression;
    this.#replacement = replacement;
    this.#left = most === 0 ? Infinity : most;
    this.#give = give;
  }

  write(buffer: Buffer, start: number, end: number): void {
    if (this.#left === 0) {
      this.#letGo();
      this.#give(buffer, start, end);
      return;
    }
    for (let at = start; at < end; at += pieceBytes) {
      this.#text += buffer.latin1Slice(at, Math.min(at + pieceBytes, end));
      // One byte more than a match, so that $ sees that something follows.
      const limit = this.#text.length - this.#pattern.longest - 1;
      // What is kept back is looked at again each time: not for each byte of a body that comes in crumbs.
      if (limit - this.#given >= this.#pattern.longest >> 2) this.#replaceUpTo(limit);
    }
  }

  end(): void {
    if (this.#left > 0) this.#replaceUpTo(this.#text.length);
    this.#letGo();
  }

  #letGo(): void {
    if (this.#text.length > this.#given) this.#out(this.#text.slice(this.#given));
    this.#text = "";
    this.#given = 0;
  }

  /** Replaces what begins before `limit`, and gives all before it. */
  #replaceUpTo(limit: number): void {
    if (limit <= this.#given) return;
    const { linear, longest } = this.#pattern;
    const expression = this.#expression;
    const begun = performance.now();
    const text = this.#text;
    let out = "";
    let from: number = this.#given;
    let at = from;
    while (this.#left > 0 && at < limit) {
      expression.lastIndex = at;
      const match = expression.exec(text);
      if (match === null || match.index >= limit) break;
      const { length } = match[0];
      at = match.index + Math.max(length, 1);
      // Nor is a part of what is too long looked at by itself: that would begin anew with each of its bytes.
      if (length > longest) at = match.index + length;
      if (length === 0 || length > longest) continue;
      out += text.slice(from, match.index) + filled(this.#replacement, match);
      from = at;
      this.#left--;
    }
    const to = Math.max(from, Math.min(limit, text.length));
    out += text.slice(from, to);
    if (linear !== undefined && performance.now() - begun > longestPiece) this.#expression = linear;
    if (out !== "") this.#out(out);
    this.#text = text.slice(to - 1);
    this.#given = 1;
  }

  #out(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.#give(bytes, 0, bytes.length);
  }
}

/** A text, or the number or name of a group. */
export type Part = string | { readonly group: number | string };

/** `$1`, `$<name>`, `$&` and `$$`, as JavaScript has them. @param text latin1 */
export function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const match of text.matchAll(/\$(?:(\d{1,2})|<(\w+)>|(&)|(\$))/g)) {
    parts.push(text.slice(from, match.index));
    const [, number, name, whole] = match;
    if (number !== undefined) parts.push({ group: Number(number) });
    else if (name !== undefined) parts.push({ group: name });
    else if (whole !== undefined) parts.push({ group: 0 });
    else parts.push("$");
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function filled(parts: readonly Part[], match: RegExpExecArray): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else if (typeof part.group === "number") text += match[part.group] ?? "";
    else text += match.groups?.[part.group] ?? "";
  }
  return text;
}
