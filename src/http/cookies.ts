// Single cookies out of the fields that carry them (RFC 6265), as they stand there: nothing is decoded, and
// quotes are part of the value.

const semicolon = 0x3b;
const equals = 0x3d;

/**
 * The value of the first cookie of this name in a Cookie field; "" = there is none, or it is empty. Names
 * differ by case.
 */
// Nothing is taken apart: most requests carry many cookies, of which one is of interest.
export function cookieOf(header: string | undefined, name: string): string {
  if (header === undefined) return "";
  for (let at = header.indexOf(name); at >= 0; at = header.indexOf(name, at + 1)) {
    const before = skipBack(header, at);
    if (before > 0 && header.charCodeAt(before - 1) !== semicolon) continue;
    const sign = skip(header, at + name.length);
    if (header.charCodeAt(sign) === equals) return valueAt(header, sign + 1);
  }
  return "";
}

/**
 * The values of all cookies of this name, in order, empty ones left out. A browser sends several when they were set for other
 * paths or domains, and which one a program takes differs.
 */
export function cookiesOf(header: string, name: string): string[] {
  if (!header.includes(name)) return [];
  return header.split(";").flatMap((each) => {
    const value = cookieOf(each, name);
    return value === "" ? [] : [value];
  });
}

/** The value that a Set-Cookie field gives to the cookie of this name; "" = it is of another, or empty. */
export function setCookieOf(field: string, name: string): string {
  const start = skip(field, 0);
  if (!field.startsWith(name, start)) return "";
  const sign = skip(field, start + name.length);
  return field.charCodeAt(sign) === equals ? valueAt(field, sign + 1) : "";
}

function valueAt(text: string, from: number): string {
  const start = skip(text, from);
  const end = text.indexOf(";", start);
  return text.slice(start, Math.max(start, skipBack(text, end < 0 ? text.length : end)));
}

function skip(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

function skipBack(text: string, from: number): number {
  let at = from;
  while (at > 0 && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
