// What is cut out of a text keeps all of it in memory, and what is cut out of a request its whole head. Whoever remembers
// such a thing beyond its request remembers a copy.

/** Longest text that is never a part of another one (V8). */
const neverPart = 12;

/** The same text, which holds nothing but itself. Well formed: half a character becomes U+FFFD. */
export function ownText(text: string): string {
  return text.length <= neverPart ? text : Buffer.from(text).toString();
}
