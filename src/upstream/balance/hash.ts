// What keys and backends are placed by: MurmurHash3 (x86, 32 bit) of a text in UTF-16. It has no seed: every
// worker, and every version of the program, must place the same key the same way. Whoever may choose keys
// can therefore aim at one backend; the bound of `ring.ts` is what stands against that.

/** Unsigned 32 bit. */
export function hashOf(text: string): number {
  const { length } = text;
  let hash = 0;
  let at = 0;
  for (; at + 1 < length; at += 2) {
    hash ^= scrambled(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (at < length) hash ^= scrambled(text.charCodeAt(at));
  return mixed(hash ^ (2 * length));
}

/** Spreads a number over 32 bits: each bit of it changes about half of those. No two get the same. */
export function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const half = Math.imul(block, 0xcc9e2d51);
  return Math.imul((half << 15) | (half >>> 17), 0x1b873593);
}
