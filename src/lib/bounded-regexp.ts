// Regular expressions that foreign people wrote, in labels, run on every request of a worker that all share.
// JavaScript backtracks: `(a+)+$` takes years for 60 letters. V8 has a second engine whose time is linear in
// the text, and with the flag below goes over to it after 50,000 steps back. It cannot do everything (no
// lookahead, no \1, no ignoring of case, no {1,63}): such patterns are fine only if they are simple.

import { setFlagsFromString } from "node:v8";

// Looked at when a pattern runs: importing this file is enough for all patterns of the process.
setFlagsFromString("--enable-experimental-regexp-engine-on-excessive-backtracks");

/** Steps that are a tenth of a second or so. */
const mostSteps = 20_000_000;

/** No text that we try patterns on is longer: a target has 16 KiB, and so have header fields, nearly. */
const longestText = 16_384;

let mayAsk = false;

/** Whether its time is bounded on any request, where this file is imported. The pattern is a valid one. */
export function isBounded(pattern: string, flags: string): boolean {
  return isLinear(pattern, flags) || mostStepsOf(pattern) <= mostSteps;
}

/** One that was found to be bounded, and is so where this function comes from. */
export function boundedRegExp(pattern: string, flags: string): RegExp {
  return new RegExp(pattern, flags);
}

/**
 * The same one for V8's second engine from the start: many times slower on usual texts, and never worse than that. V8 goes over by
 * itself only where it counts steps back, and of `a+b` it counts none. undefined = that engine cannot do it.
 */
export function linearRegExp(pattern: string, flags: string): RegExp | undefined {
  if (!mayAsk) setFlagsFromString("--enable-experimental-regexp-engine");
  mayAsk = true;
  try {
    return new RegExp(pattern, `${flags}l`);
  } catch {
    // That is how V8 says no.
    return undefined;
  }
}

/** Longest text that V8's usual engine takes no time for, whatever is in it, characters. */
const shortText = 1024;

/**
 * A pattern for what clients write: by the length of the text, since without an anchor the usual engine's time grows with the square
 * of it. `[^/]+\.html$` takes a tenth of a second and more for a path of 16,000 letters, which anybody may send.
 */
export function regExpByLength(pattern: string, flags: string): (text: string) => RegExp {
  const usual = new RegExp(pattern, flags);
  let linear: RegExp | undefined;
  return (text) => {
    if (text.length <= shortText) return usual;
    return (linear ??= linearRegExp(pattern, flags) ?? usual);
  };
}

function isLinear(pattern: string, flags: string): boolean {
  return linearRegExp(pattern, flags) !== undefined;
}

// A quantifier or an alternative is a choice, and in the worst case all choices are tried with all others.
// That is no more than the product of their numbers as long as no group that holds some is repeated.
function mostStepsOf(pattern: string): number {
  let steps = pattern.startsWith("^") ? 1 : longestText;
  let depth = 0;
  for (let rest = pattern; rest !== "";) {
    const [piece] =
      /^(?:\\[1-9k]|\(\?<?[=!]|\((?:\?(?:[a-z-]*:|<\w+>))?|\)[*+{]?|\||\[(?:\\.|[^\]\\])*\]|\\.|.)/s.exec(
        rest,
      ) ?? [rest];
    if (/^(?:\\[1-9k]|\(\?<?[=!]|\)[*+{])/.test(piece)) return Infinity;
    rest = rest.slice(piece.length);
    if (piece.startsWith("(")) depth += 1;
    if (piece === ")") depth -= 1;
    // "^a|b" is anchored in a part only.
    if (piece === "|") steps *= depth === 0 ? longestText : 2;
    const [quantifier = "", count, isRange, most] =
      /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})\??/.exec(rest) ?? [];
    if (quantifier === "") continue;
    rest = rest.slice(quantifier.length);
    const isEndless = /^[*+]/.test(quantifier) || (isRange !== undefined && most === "");
    steps *= isEndless ? longestText : Number(most ?? count ?? 1) + 1;
  }
  return steps;
}
