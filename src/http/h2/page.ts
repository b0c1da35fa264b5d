// Pages that frames are gathered in until the end of a turn. They are lent for a turn and given back, so that an
// idle connection has none, and a busy process a few for all of its connections.

/** The answers of one turn, nearly always. */
const smallBytes = 8 * 1024;
/** Four full frames: large bodies leave in few writes. */
export const pageBytes = 72 * 1024;
/** Kept for the next turns, 1 MB and 1.1 MB. More were needed at once only in a burst. */
const maxSmall = 128;
const maxLarge = 16;

const small: Buffer[] = [];
const large: Buffer[] = [];

/** @param bytes it has at least as much room */
export function takePage(bytes: number): Buffer {
  if (bytes <= smallBytes) return small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
  if (bytes <= pageBytes) return large.pop() ?? Buffer.allocUnsafeSlow(pageBytes);
  return Buffer.allocUnsafeSlow(bytes);
}

/** Nobody may read from it any more. */
export function giveBackPage(page: Buffer): void {
  if (page.length === smallBytes) {
    if (small.length < maxSmall) small.push(page);
  } else if (page.length === pageBytes && large.length < maxLarge) {
    large.push(page);
  }
}
