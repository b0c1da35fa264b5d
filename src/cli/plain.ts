// Text that somebody else chose (names, reasons, answers of backends) as a terminal may show it: it obeys
// control characters, and characters that turn the direction of writing make a line say something else.

const harmful = /[\p{Cc}\p{Cs}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** On one line, with `\x1b` for what would have had an effect. */
export function plain(text: string): string {
  return text.replace(harmful, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** The same with its line feeds. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

/** JSON stays the same JSON: what it leaves as it is, is escaped as it escapes. */
export function plainJson(json: string): string {
  return json.replace(harmful, (char) =>
    char === "\n" ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
