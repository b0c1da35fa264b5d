// Regular expressions as configuration writes them: Traefik's are Go's (RE2), ours are JavaScript's.
// What Go spells otherwise is refused by name, because JavaScript would read most of it silently as
// something else (`\A` as the letter A, `[[:digit:]]` as a set of punctuation and letters).
//
// A difference remains: JavaScript backtracks, so a pattern like `(a+)+$` can take exponential time.
// Patterns come from the operator, and what they are tried on is bounded by the limits on heads.

export type Pattern =
  | { readonly kind: "pattern"; readonly pattern: string; readonly flags: string }
  | { readonly kind: "bad"; readonly why: string };

const maxPatternLength = 4096;

/** A leading `(?i)`, `(?s)` or `(?m)`, which JavaScript does not have, becomes a flag. */
export function parsePattern(text: string): Pattern {
  if (text.length > maxPatternLength) {
    return { kind: "bad", why: `a regular expression may have ${maxPatternLength} characters` };
  }
  const lead = /^\(\?([ims]+)\)/.exec(text);
  const flags = [...new Set(lead?.[1] ?? "")].toSorted().join("");
  const pattern = text.slice(lead?.[0].length ?? 0);
  const foreign = findGoSyntax(pattern);
  if (foreign !== undefined) return { kind: "bad", why: foreign };
  try {
    RegExp(pattern, flags);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "bad", why: message.replace(/^Invalid regular expression: /, "") };
  }
  return { kind: "pattern", pattern, flags };
}

/** Why `$3` cannot stand in what a match is replaced by; undefined = all groups are there. */
export function missingGroup(
  { pattern, flags }: { readonly pattern: string; readonly flags: string },
  replacement: string,
): string | undefined {
  const groups = (new RegExp(`${pattern}|`, flags).exec("")?.length ?? 1) - 1;
  for (const [whole, digits] of replacement.replaceAll("$$", "").matchAll(/\$(\d{1,2})/g)) {
    if (Number(digits) <= groups && Number(digits) > 0) continue;
    return `${whole} is not there: the pattern has ${groups} groups`;
  }
  return undefined;
}

const goEscapes: Readonly<Record<string, string>> = {
  A: "^",
  z: "$",
  Z: "$",
  Q: "a backslash before each special character",
  E: "nothing",
  C: "[^]",
  a: "\\x07",
  p: "the characters themselves, as in [a-z]",
  P: "the characters themselves, as in [^a-z]",
};

function findGoSyntax(pattern: string): string | undefined {
  let inClass = false;
  for (let i = 0; i < pattern.length; i += 1) {
    const rest = pattern.slice(i, i + 4);
    if (rest.startsWith("\\")) {
      const letter = rest.charAt(1);
      const instead = Object.hasOwn(goEscapes, letter) ? goEscapes[letter] : undefined;
      if (instead !== undefined) {
        return `"\\${letter}" is Go's syntax; JavaScript's, used here, writes ${instead}`;
      }
      if (rest.startsWith("\\x{")) {
        return "\"\\x{...}\" is Go's syntax; JavaScript's, used here, writes \\xHH or \\uHHHH";
      }
      i += 1;
    } else if (inClass) {
      if (rest.startsWith("[:")) {
        return "\"[[:class:]]\" is Go's syntax; JavaScript's, used here, writes ranges such as [a-z]";
      }
      if (rest.startsWith("]")) inClass = false;
    } else if (rest.startsWith("[")) {
      inClass = true;
    } else if (rest.startsWith("(?P<")) {
      return "\"(?P<name>...)\" is Go's syntax; JavaScript's, used here, writes (?<name>...)";
    }
  }
  return undefined;
}
