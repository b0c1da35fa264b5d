// Field lines as HTTP/1 writes them, "name: value" and CR LF, out of a field section of HTTP/2 and into one: the form in which
// both protocols meet (RFC 9113 section 8.2). Of no value can a line of its own be made. Hot: bench/h2-session.ts

import { equalsIgnoringCase, isTokenCharacter } from "../characters.ts";
import type { FieldSection } from "./field-section.ts";
import type { HpackEncoder } from "./hpack-encoder.ts";

/** Fields about one connection (RFC 9113 section 8.2.2): malformed where they come, and never sent. By length. */
const connectionNames: readonly (readonly string[])[] = byLength([
  "upgrade",
  "connection",
  "keep-alive",
  "http2-settings",
  "proxy-connection",
  "transfer-encoding",
]);

/**
 * The lines of section[at, count); undefined = they are malformed.
 * @param isRequest crumbs of cookies are joined (RFC 9113 section 8.2.3), and `te` may say that trailers are welcome
 */
export function readLines(
  section: FieldSection,
  at: number,
  isRequest: boolean,
): string | undefined {
  const { count, names, values } = section;
  let lines = "";
  let cookie = "";
  for (let index = at; index < count; index++) {
    const name = names[index]!;
    const value = values[index]!;
    if (!isName(name) || !isValue(value)) return undefined;
    if (isAboutConnection(name)) return undefined;
    if (name === "te" && !(isRequest && value === "trailers")) return undefined;
    if (isRequest && name === "cookie") cookie = cookie === "" ? value : `${cookie}; ${value}`;
    else lines += `${name}: ${value}\r\n`;
  }
  return cookie === "" ? lines : `${lines}cookie: ${cookie}\r\n`;
}

/** Characters of a token, none of them in upper case (RFC 9113 section 8.2). Pseudo-fields are no names. */
function isName(name: string): boolean {
  const { length } = name;
  for (let at = 0; at < length; at++) {
    const code = name.charCodeAt(at);
    if (code > 255 || isTokenCharacter[code] !== 1 || (code >= 65 && code <= 90)) return false;
  }
  return length > 0;
}

/** No control but a tab, and no space around it (RFC 9113 section 8.2.1; RFC 9110 section 5.5 for the other controls). */
export function isValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(length - 1);
  if (first === 32 || first === 9 || last === 32 || last === 9) return false;
  for (let at = 0; at < length; at++) {
    const code = value.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127 || code > 255) return false;
  }
  return true;
}

function isAboutConnection(name: string): boolean {
  const names = connectionNames[name.length];
  return names !== undefined && names.includes(name);
}

/**
 * Encodes the lines of text[at, end), each of which ends in CR LF; those about one connection are left out, and `TE` but for
 * trailers.
 * @param dropped a further name, in lower case, that is left out; "" = none
 */
export function writeLines(
  encoder: HpackEncoder,
  text: string,
  at: number,
  end: number,
  dropped = "",
): void {
  let start = at;
  while (start < end) {
    const lineEnd = text.indexOf("\r\n", start);
    const colon = text.indexOf(":", start);
    if (lineEnd <= start || colon <= start || colon > lineEnd) return;
    if (isSent(text, start, colon, lineEnd, dropped)) encoder.line(text.slice(start, lineEnd));
    start = lineEnd + 2;
  }
}

function isSent(
  text: string,
  start: number,
  colon: number,
  lineEnd: number,
  dropped: string,
): boolean {
  const length = colon - start;
  if (length === dropped.length && equalsIgnoringCase(text, start, dropped)) return false;
  if (length === 2 && equalsIgnoringCase(text, start, "te")) {
    return (
      text
        .slice(colon + 1, lineEnd)
        .trim()
        .toLowerCase() === "trailers"
    );
  }
  const names = connectionNames[length];
  if (names === undefined) return true;
  return !names.some((name) => equalsIgnoringCase(text, start, name));
}

function byLength(names: readonly string[]): readonly (readonly string[])[] {
  const longest = Math.max(...names.map(({ length }) => length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    names.filter((name) => name.length === length),
  );
}
