// Writing DER (X.690), as far as certificates and requests for them need it. Each function makes one whole
// element: its tag, its length, its content. What is read is in der-reader.ts.

/** Numbers of the universal types that occur in certificates. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const contextTag = 0x80;
const constructed = 0x20;

export function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return element(tags.sequence, ...parts);
}

/** Of one member: DER sorts the members of larger ones, which nobody needs here. */
export function setOf(member: Buffer): Buffer {
  return element(tags.set, member);
}

export function boolean(value: boolean): Buffer {
  return element(tags.boolean, Buffer.from([value ? 0xff : 0]));
}

/** Of a number that is not negative: its bytes, the highest first. */
export function integer(value: number | Uint8Array): Buffer {
  const given = typeof value === "number" ? numberBytes(value) : Buffer.from(value);
  const start = given.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Buffer.from([0]) : given.subarray(start);
  // The highest bit is the sign.
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return element(tags.integer, Buffer.from(sign), digits);
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** `1.2.840.113549.1.1.11` */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const arcs = [first * 40 + second, ...rest];
  return element(tags.oid, Buffer.from(arcs.flatMap(base128)));
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift(0x80 | (rest % 128));
  }
  return digits;
}

/** @param unused how many bits at its end say nothing */
export function bitString(bytes: Uint8Array, unused = 0): Buffer {
  return element(tags.bitString, Buffer.from([unused]), Buffer.from(bytes));
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(tags.octetString, Buffer.from(bytes));
}

export function nothing(): Buffer {
  return Buffer.from([0x05, 0]);
}

export function utf8String(text: string): Buffer {
  return element(tags.utf8String, Buffer.from(text));
}

export function printableString(text: string): Buffer {
  return element(tags.printableString, Buffer.from(text, "latin1"));
}

/** Until 2049 in two digits of the year, as RFC 5280 section 4.1.2.5 wants it; whole seconds. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, "");
  const isShort = digits < "2050" && digits >= "1950";
  return isShort
    ? element(tags.utcTime, Buffer.from(digits.slice(2), "latin1"))
    : element(tags.generalizedTime, Buffer.from(digits, "latin1"));
}

/** `[number]` around whole elements. */
export function explicit(number: number, ...parts: readonly Buffer[]): Buffer {
  return element(contextTag | constructed | number, ...parts);
}

/** `[number]` in the place of the type's own tag. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return element(contextTag | number, Buffer.from(content));
}
