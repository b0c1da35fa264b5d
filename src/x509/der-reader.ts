// Reading DER (X.690) of somebody else: one element at a time, strictly, and never beyond what was given. What is
// no DER reads as undefined. Nothing here goes deeper by itself, so depth is bounded by who asks.

export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

// Certificates have some ten parts, and their largest ones are lists of names.
const maxParts = 10_000;

/** The element that begins there; what stands behind it is not looked at. */
export function readDer(bytes: Buffer, at = 0): DerElement | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  // Tags of several bytes occur in no certificate.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  const count = first < 0x80 ? 0 : first & 0x7f;
  const length = first < 0x80 ? first : longLength(bytes, at + 2, count);
  const start = at + 2 + count;
  if (length === undefined || start + length > bytes.length) return undefined;
  const end = start + length;
  return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) };
}

/** Of DER's one way to write a length. Four bytes are more than anybody reads here. */
function longLength(bytes: Buffer, at: number, count: number): number | undefined {
  if (count === 0 || count > 4 || bytes.length < at + count) return undefined;
  const length = bytes.readUIntBE(at, count);
  const isShortest = length >= 0x80 && length >= 256 ** (count - 1);
  return isShortest ? length : undefined;
}

/** The elements of which the content consists, to its last byte. */
export function partsOf(content: Buffer): readonly DerElement[] | undefined {
  const parts: DerElement[] = [];
  for (let at = 0; at < content.length;) {
    const part = readDer(content, at);
    if (part === undefined || parts.length === maxParts) return undefined;
    parts.push(part);
    at += part.whole.length;
  }
  return parts;
}

/** Of the content of an OBJECT IDENTIFIER: `1.3.6.1`. */
export function oidText(content: Buffer): string | undefined {
  const arcs: number[] = [];
  let arc = 0;
  for (const [at, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) return undefined;
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128 || at > 32) return undefined;
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first] = arcs;
  if (first === undefined || (content.at(-1) ?? 0x80) >= 0x80) return undefined;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...arcs.slice(1)].join(".");
}
