// Character classes of HTTP/1.1 as lookup tables, indexed by the code of a latin1 character (0 to 255).
// Heads are kept as latin1 strings, one character for each byte received.

/** 1 where RFC 9110 section 5.6.2 allows the character in a token (field names, methods). */
export const isTokenCharacter = tableOf(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

/** Value of a hexadecimal digit, 255 for anything else. */
export const hexValue = hexTable();

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const each of characters) table[each.charCodeAt(0)] = 1;
  return table;
}

function hexTable(): Uint8Array {
  const table = new Uint8Array(256).fill(255);
  for (let digit = 0; digit < 16; digit++) {
    table[digit.toString(16).charCodeAt(0)] = digit;
    table[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}

/** True when all of text[start, end) are token characters and there is at least one. */
export function isToken(text: string, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code > 255 || isTokenCharacter[code] !== 1) return false;
  }
  return true;
}

/** Compares text from `start` with a lower-case ASCII word, ignoring case. The caller checked the length. */
export function equalsIgnoringCase(text: string, start: number, word: string): boolean {
  for (let at = 0; at < word.length; at++) {
    const code = text.charCodeAt(start + at);
    const wanted = word.charCodeAt(at);
    if (code !== wanted && (code < 65 || code > 90 || code + 32 !== wanted)) return false;
  }
  return true;
}

/** True when a comma-separated field value names the (lower-case) token. */
export function listHas(value: string, token: string): boolean {
  if (value.length === token.length) return equalsIgnoringCase(value, 0, token);
  return value.split(",").some((each) => each.trim().toLowerCase() === token);
}
