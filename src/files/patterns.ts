// Patterns with `*` and `?` for names and paths, as operators write them. Linear in the text times the pattern at worst: a client
// chooses the text, and must not choose how long that takes.

export interface Pattern {
  fits(text: string): boolean;
}

/** @param isFolded capitals do not matter (ASCII) */
export function patternOf(source: string, isFolded = false): Pattern {
  // Paths are bytes in latin1, and so must be what they are held against.
  const bytes = Buffer.from(source, "utf8").toString("latin1");
  const wanted = (isFolded ? lower(bytes) : bytes).replaceAll(/\*+/g, "*");
  return { fits: (text) => fits(isFolded ? lower(text) : text, wanted) };
}

/** The letters of ASCII alone: bytes above are parts of characters. */
function lower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Goes back to the last star only: what an earlier one could take, the last one can as well. */
function fits(text: string, pattern: string): boolean {
  let at = 0;
  let wanted = 0;
  let star = -1;
  let resumed = 0;
  while (at < text.length) {
    const code = pattern.charCodeAt(wanted);
    if (wanted < pattern.length && code === 42 /* * */) {
      star = wanted++;
      resumed = at;
    } else if (wanted < pattern.length && (code === 63 /* ? */ || code === text.charCodeAt(at))) {
      wanted++;
      at++;
    } else if (star >= 0) {
      wanted = star + 1;
      at = ++resumed;
    } else {
      return false;
    }
  }
  while (pattern.charCodeAt(wanted) === 42) wanted++;
  return wanted === pattern.length;
}
