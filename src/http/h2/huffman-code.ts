// The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: codes of one length follow each other in the order of
// their symbols, so that the lengths say everything.

/** Length of the code of each symbol, bits, as a digit of base 36: 0 to 255, and EOS. */
const digits =
  "dnsssssssoussussssssssusssssssss" +
  "6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6" +
  "f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnno" +
  "mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrr" +
  "koklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";

/** The end of a string, which is never sent. */
export const endSymbol = 256;

/** Bits of the code of each symbol. */
export const codeLengths = Uint8Array.from(digits, (digit) => Number.parseInt(digit, 36));

/** The code of each symbol, in the low bits. */
export const codes = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const made = new Uint32Array(codeLengths.length);
  const order = [...codeLengths.keys()].sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  let code = 0;
  let length = lengthOf(order[0] ?? 0);
  for (const symbol of order) {
    code *= 2 ** (lengthOf(symbol) - length);
    length = lengthOf(symbol);
    made[symbol] = code++;
  }
  return made;
}

function lengthOf(symbol: number): number {
  return codeLengths[symbol] ?? 0;
}
