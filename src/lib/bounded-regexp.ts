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

function isLinear(pattern: string, flags: string): boolean {
  if (!mayAsk) setFlagsFromString("--enable-experimental-regexp-engine");
  mayAsk = true;
  try {
    RegExp(pattern, `${flags}l`);
    return true;
  } catch {
    // That is how V8 says no.
    return false;
  }
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
