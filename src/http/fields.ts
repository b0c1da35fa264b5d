// The field section of a head (or a trailer section), as positions in the text that was received.
// Nothing is copied: a field that is passed on unchanged is passed on as the bytes that came, and
// neighbouring ones in one slice. One Fields object lives as long as its connection and is refilled
// for every message. Hot: bench/head.ts

import { equalsIgnoringCase, isTokenCharacter } from "./characters.ts";
import type { FailureCode } from "./errors.ts";

/** Fields that the engine itself looks at. Everything else is `OTHER`. */
export const Field = {
  OTHER: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  UPGRADE: 5,
  EXPECT: 6,
  TE: 7,
  TRAILER: 8,
  KEEP_ALIVE: 9,
  PROXY_CONNECTION: 10,
  PROXY_AUTHENTICATE: 11,
  PROXY_AUTHORIZATION: 12,
  HTTP2_SETTINGS: 13,
  X_FORWARDED_FOR: 14,
  X_FORWARDED_HOST: 15,
  X_FORWARDED_PORT: 16,
  X_FORWARDED_PROTO: 17,
  X_FORWARDED_PROTOCOL: 18,
  X_FORWARDED_SERVER: 19,
  X_REAL_IP: 20,
  FORWARDED: 21,
  USER_AGENT: 22,
  REFERER: 23,
  AUTHORIZATION: 24,
  ACCEPT: 25,
  X_DEBUG: 26,
  DATE: 27,
  CLIENT_CERT: 28,
  CLIENT_CERT_CHAIN: 29,
  X_FORWARDED_PREFIX: 30,
  /** Not passed on. */
  DROPPED: 31,
  /** Named as one that tells who asks, but for an underscore: `X_Forwarded_For`. Nobody is believed who writes that. */
  SPELLED: 32,
} as const;

export type FieldId = (typeof Field)[keyof typeof Field];

const fieldKinds = 33;

/** Names by length, so that a field is recognised with one or two comparisons. */
const known: readonly (readonly (readonly [string, FieldId])[])[] = byLength([
  ["host", Field.HOST],
  ["connection", Field.CONNECTION],
  ["content-length", Field.CONTENT_LENGTH],
  ["transfer-encoding", Field.TRANSFER_ENCODING],
  ["upgrade", Field.UPGRADE],
  ["expect", Field.EXPECT],
  ["te", Field.TE],
  ["trailer", Field.TRAILER],
  ["keep-alive", Field.KEEP_ALIVE],
  ["proxy-connection", Field.PROXY_CONNECTION],
  ["proxy-authenticate", Field.PROXY_AUTHENTICATE],
  ["proxy-authorization", Field.PROXY_AUTHORIZATION],
  ["http2-settings", Field.HTTP2_SETTINGS],
  ["x-forwarded-for", Field.X_FORWARDED_FOR],
  ["x-forwarded-host", Field.X_FORWARDED_HOST],
  ["x-forwarded-port", Field.X_FORWARDED_PORT],
  ["x-forwarded-proto", Field.X_FORWARDED_PROTO],
  ["x-forwarded-protocol", Field.X_FORWARDED_PROTOCOL],
  ["x-forwarded-server", Field.X_FORWARDED_SERVER],
  ["x-forwarded-prefix", Field.X_FORWARDED_PREFIX],
  ["x-real-ip", Field.X_REAL_IP],
  ["forwarded", Field.FORWARDED],
  ["user-agent", Field.USER_AGENT],
  ["referer", Field.REFERER],
  ["authorization", Field.AUTHORIZATION],
  ["accept", Field.ACCEPT],
  ["x-debug", Field.X_DEBUG],
  ["date", Field.DATE],
  ["client-cert", Field.CLIENT_CERT],
  ["client-cert-chain", Field.CLIENT_CERT_CHAIN],
]);

const none = 0xffff;

export class Fields {
  /** The text that positions point into. */
  text = "";
  count = 0;
  /** First field of each known kind, `none` where there is none; kinds met more than once are counted. */
  readonly #first = new Uint16Array(fieldKinds).fill(none);
  readonly #met = new Uint16Array(fieldKinds);
  readonly #ids: FieldId[] = [];
  readonly #lineStarts: number[] = [];
  readonly #nameEnds: number[] = [];
  readonly #valueStarts: number[] = [];
  readonly #valueEnds: number[] = [];
  /** Lines added by us, each ending in CR LF. */
  #added = "";

  /**
   * Reads the lines of text[start, end), each of which ends in CR LF. Returns what is wrong, if anything.
   * @param end position behind the last line's CR LF
   */
  read(text: string, start: number, end: number, maxCount: number): FailureCode | undefined {
    this.clear();
    this.text = text;
    let at = start;
    while (at < end) {
      if (this.count === maxCount) return "HEAD_TOO_LARGE";
      const wrong = this.#readLine(at, end);
      if (typeof wrong === "string") return wrong;
      at = wrong;
    }
    return undefined;
  }

  clear(): void {
    if (this.count > 0) {
      this.#first.fill(none);
      this.#met.fill(0);
    }
    this.count = 0;
    this.text = "";
    this.#added = "";
  }

  /** Reads the line that starts at `at`; returns where the next one starts, or what is wrong. */
  #readLine(at: number, end: number): number | FailureCode {
    const text = this.text;
    let position = at;
    let code = text.charCodeAt(position);
    // The name: token characters up to the colon, so neither obs-fold nor "Name :" gets through
    // (RFC 9112 section 5.1).
    while (code < 256 && isTokenCharacter[code] === 1) code = text.charCodeAt(++position);
    if (code !== 58 /* : */ || position === at) {
      return code === 10 || (code === 13 && text.charCodeAt(position + 1) !== 10)
        ? "BAD_LINE_END"
        : "BAD_HEADER";
    }
    const nameEnd = position;
    do code = text.charCodeAt(++position);
    while (code === 32 || code === 9);
    const valueStart = position;
    let valueEnd = position;
    while (position < end) {
      if (code > 32) {
        if (code === 127) return "BAD_HEADER";
        valueEnd = position + 1;
      } else if (code < 32 && code !== 9) {
        break;
      }
      code = text.charCodeAt(++position);
    }
    if (code !== 13) return code === 10 ? "BAD_LINE_END" : "BAD_HEADER";
    if (text.charCodeAt(position + 1) !== 10) return "BAD_LINE_END";
    this.#add(at, nameEnd, valueStart, valueEnd);
    return position + 2;
  }

  #add(lineStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const index = this.count++;
    const id = identify(this.text, lineStart, nameEnd);
    this.#ids[index] = id;
    this.#lineStarts[index] = lineStart;
    this.#nameEnds[index] = nameEnd;
    this.#valueStarts[index] = valueStart;
    this.#valueEnds[index] = valueEnd;
    if (id !== Field.OTHER) {
      if (this.#met[id] === 0) this.#first[id] = index;
      this.#met[id] = this.#met[id]! + 1;
    }
  }

  /** How often a known field came. */
  times(id: FieldId): number {
    return this.#met[id] ?? 0;
  }

  /** Value of the first field of a known kind, "" when it is not there. */
  first(id: FieldId): string {
    const index = this.#first[id] ?? none;
    return index === none ? "" : this.valueAt(index);
  }

  /** All values of a known kind, joined as RFC 9110 section 5.3 allows; "" when there is none. */
  joined(id: FieldId): string {
    if (this.times(id) < 2) return this.first(id);
    const values: string[] = [];
    for (let index = 0; index < this.count; index++) {
      if (this.#ids[index] === id) values.push(this.valueAt(index));
    }
    return values.join(", ");
  }

  /** All values of a field by its lower-case name, joined; undefined when it is not there. */
  get(name: string): string | undefined {
    let value: string | undefined;
    for (let index = 0; index < this.count; index++) {
      const start = this.#lineStarts[index]!;
      if (this.#nameEnds[index]! - start !== name.length) continue;
      if (!equalsIgnoringCase(this.text, start, name)) continue;
      value = value === undefined ? this.valueAt(index) : `${value}, ${this.valueAt(index)}`;
    }
    return value;
  }

  nameAt(index: number): string {
    return this.text.slice(this.#lineStarts[index], this.#nameEnds[index]);
  }

  valueAt(index: number): string {
    return this.text.slice(this.#valueStarts[index], this.#valueEnds[index]);
  }

  idAt(index: number): FieldId {
    return this.#ids[index] ?? Field.OTHER;
  }

  /** Does not pass on the fields of a known kind. They can still be read by `first`, not by `joined`. */
  drop(id: FieldId): void {
    const first = this.#first[id] ?? none;
    if (first === none) return;
    for (let index = first; index < this.count; index++) {
      if (this.#ids[index] === id) this.#ids[index] = Field.DROPPED;
    }
  }

  /** Does not pass on the fields of this (lower-case) name. */
  dropNamed(name: string): void {
    for (let index = 0; index < this.count; index++) {
      const start = this.#lineStarts[index]!;
      if (this.#nameEnds[index]! - start !== name.length) continue;
      if (equalsIgnoringCase(this.text, start, name)) this.#ids[index] = Field.DROPPED;
    }
    if (this.#added !== "") this.#added = linesWithout(this.#added, name);
  }

  /** Every value of this (lower-case) name that is passed on, in order. */
  valuesOf(name: string): string[] {
    const values: string[] = [];
    for (let index = 0; index < this.count; index++) {
      const start = this.#lineStarts[index]!;
      if (this.#nameEnds[index]! - start !== name.length) continue;
      if (this.#ids[index] === Field.DROPPED) continue;
      if (equalsIgnoringCase(this.text, start, name)) values.push(this.valueAt(index));
    }
    return values;
  }

  /** Does not pass on what came by this (lower-case) name; what we added stays. */
  dropReceived(name: string): void {
    const added = this.#added;
    this.dropNamed(name);
    this.#added = added;
  }

  /**
   * As `dropNamed`, and of all names that gateways in the CGI tradition make the same of: `X_User` is `X-User` to the programs
   * behind them.
   */
  dropSpelled(name: string): void {
    this.dropNamed(name);
    for (let index = 0; index < this.count; index++) {
      const start = this.#lineStarts[index]!;
      if (this.#nameEnds[index]! - start !== name.length) continue;
      if (isSpelledAs(this.text, start, name)) this.#ids[index] = Field.DROPPED;
    }
  }

  /** How many fields are passed on that came by this (lower-case) name, or by one that `dropSpelled` takes for it. */
  timesSpelled(name: string): number {
    let times = 0;
    for (let index = 0; index < this.count; index++) {
      const start = this.#lineStarts[index]!;
      if (this.#nameEnds[index]! - start !== name.length) continue;
      if (this.#ids[index] !== Field.DROPPED && isSpelledAs(this.text, start, name)) times++;
    }
    return times;
  }

  /** Does not pass on the fields whose lower-case name it says yes to, added ones among them. */
  dropWhere(isMeant: (name: string) => boolean): void {
    for (let index = 0; index < this.count; index++) {
      if (isMeant(this.nameAt(index).toLowerCase())) this.#ids[index] = Field.DROPPED;
    }
    if (this.#added === "") return;
    this.#added = linesOf(this.#added)
      .filter((each) => !isMeant(each.slice(0, each.indexOf(":")).toLowerCase()))
      .join("");
  }

  /** All values of a field that will be passed on, added ones among them, joined; undefined when there is none. */
  passedOn(name: string): string | undefined {
    const values = this.valuesPassedOn(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The same one by one, as cookies need it. */
  valuesPassedOn(name: string): string[] {
    const values = this.valuesOf(name);
    if (this.#added !== "") {
      for (const line of linesOf(this.#added)) {
        if (isNamed(line, name)) values.push(line.slice(name.length + 2, -2));
      }
    }
    return values;
  }

  /** Lines that were added, each with its CR LF. */
  get added(): string {
    return this.#added;
  }

  /** Passes on one more field. Neither part may come from outside unchecked: it must hold no CR or LF. */
  add(name: string, value: string): void {
    this.#added += `${name}: ${value}\r\n`;
  }

  /** The lines that are passed on, each with its CR LF, as they came; neighbours in one slice. */
  serialise(): string {
    let out = "";
    let runStart = -1;
    for (let index = 0; index < this.count; index++) {
      if (this.#ids[index] === Field.DROPPED) {
        if (runStart >= 0) out += this.text.slice(runStart, this.#lineStarts[index]);
        runStart = -1;
      } else if (runStart < 0) {
        runStart = this.#lineStarts[index]!;
      }
    }
    if (runStart >= 0) {
      const end = this.text.indexOf("\r\n", this.#valueEnds[this.count - 1]) + 2;
      out += this.text.slice(runStart, end);
    }
    return out + this.#added;
  }
}

/** @param lines each with its CR LF @param name in lower case */
function linesWithout(lines: string, name: string): string {
  return linesOf(lines)
    .filter((each) => !isNamed(each, name))
    .join("");
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\r\n)/);
}

function isNamed(line: string, name: string): boolean {
  return line.charCodeAt(name.length) === 58 /* : */ && equalsIgnoringCase(line, 0, name);
}

function byLength(
  names: readonly (readonly [string, FieldId])[],
): readonly (readonly (readonly [string, FieldId])[])[] {
  const longest = Math.max(...names.map(([name]) => name.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    names.filter(([name]) => name.length === length),
  );
}

/**
 * What a field name means to us. In the X- names and those of certificates an underscore is told from a hyphen: gateways in
 * the CGI tradition cannot, so `X_Forwarded_For` must not slip past us; nor may it be taken for what a trusted proxy said,
 * which passes on whatever its client made up.
 */
function identify(text: string, start: number, end: number): FieldId {
  const length = end - start;
  if (length >= known.length) return Field.OTHER;
  const candidates = known[length]!;
  const letter = text.charCodeAt(start) | 32;
  for (let at = 0; at < candidates.length; at++) {
    const [name, id] = candidates[at]!;
    if (name.charCodeAt(0) !== letter) continue;
    if (equalsIgnoringCase(text, start, name)) return id;
    const isFolded =
      letter === 120 /* x */ || id === Field.CLIENT_CERT || id === Field.CLIENT_CERT_CHAIN;
    if (isFolded && id !== Field.X_DEBUG && equalsWithUnderscores(text, start, name)) {
      return Field.SPELLED;
    }
  }
  return Field.OTHER;
}

/** Whatever is no letter or digit counts as the same. */
function isSpelledAs(text: string, start: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    if (spelled(text.charCodeAt(start + at)) !== spelled(name.charCodeAt(at))) return false;
  }
  return true;
}

function spelled(code: number): number {
  const lower = code >= 65 && code <= 90 ? code + 32 : code;
  return (lower >= 97 && lower <= 122) || (lower >= 48 && lower <= 57) ? lower : 45;
}

function equalsWithUnderscores(text: string, start: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = text.charCodeAt(start + at);
    const folded = code === 95 /* _ */ ? 45 : code >= 65 && code <= 90 ? code + 32 : code;
    if (folded !== name.charCodeAt(at)) return false;
  }
  return true;
}
