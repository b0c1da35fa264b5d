// Text of nginx.conf as words, `;`, `{` and `}` with their lines, read as nginx reads it: quotes count at the
// beginning of a word only, `${name}` opens no block, `#` begins a comment between words.

import { importBounds } from "../../config/limits.ts";

export interface Token {
  readonly kind: "word" | "end" | "open" | "close";
  readonly text: string;
  readonly line: number;
  /** A variable in it stays one; but `"{"` is a text. */
  readonly isQuoted: boolean;
}

export type Tokens =
  | { readonly kind: "tokens"; readonly tokens: readonly Token[] }
  | { readonly kind: "bad"; readonly line: number; readonly why: string };

const marks = new Map([
  [";", "end"],
  ["{", "open"],
  ["}", "close"],
] as const);

export function tokensOf(text: string): Tokens {
  const tokens: Token[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    if (tokens.length > importBounds.words) {
      return { kind: "bad", line, why: `there are more than ${importBounds.words} words` };
    }
    const character = text.charAt(at);
    const mark = character === ";" || character === "{" || character === "}" ? character : "";
    if (character === "\n") line += 1;
    if (/\s/.test(character)) {
      at += 1;
    } else if (character === "#") {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
    } else if (mark !== "") {
      tokens.push({ kind: marks.get(mark) ?? "end", text: mark, line, isQuoted: false });
      at += 1;
    } else {
      const word = character === '"' || character === "'" ? quoted(text, at) : bare(text, at);
      if (word === undefined) return { kind: "bad", line, why: "this text in quotes has no end" };
      tokens.push({ kind: "word", text: word.text, line, isQuoted: word.isQuoted });
      line += text.slice(at, word.end).split("\n").length - 1;
      at = word.end;
    }
  }
  return { kind: "tokens", tokens };
}

interface Word {
  readonly text: string;
  readonly end: number;
  readonly isQuoted: boolean;
}

const escapes = new Map([
  ["t", "\t"],
  ["r", "\r"],
  ["n", "\n"],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
]);

function quoted(text: string, start: number): Word | undefined {
  const quote = text.charAt(start);
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === quote) {
      return { text: unescape(text.slice(start + 1, at)), end: at + 1, isQuoted: true };
    }
  }
  return undefined;
}

function bare(text: string, start: number): Word {
  let at = start;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === "\\") at += 2;
    else if (character === "$" && text.charAt(at + 1) === "{") at += 2;
    else if (/[\s;{]/.test(character)) break;
    else at += 1;
  }
  const end = Math.min(at, text.length);
  return { text: unescape(text.slice(start, end)), end, isQuoted: false };
}

/** Other backslashes stay: they belong to regular expressions. */
function unescape(text: string): string {
  return text.replaceAll(/\\([^])/g, (whole, character: string) => escapes.get(character) ?? whole);
}
