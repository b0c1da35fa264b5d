// Finds where a head ends whose lines end in LF, with or without CR, in bytes that come in pieces of any size; and keeps
// what came before without looking at it twice. Hot: bench/head.ts

/** Heads end in the first part of what arrived; more is looked at when needed. */
const firstLook = 4 * 1024;

export class HeadEnd {
  /** Of the head so far; when it was found, all of it. */
  text = "";
  /** Its last two characters: an end may begin there. */
  #seam = "";

  begin(): void {
    this.text = "";
    this.#seam = "";
  }

  /**
   * Looks at bytes; when the end is among them, `text` is the head with its empty line.
   * @returns where the body starts, or -1
   */
  find(buffer: Buffer, start: number, end: number): number {
    for (let at = start; at < end;) {
      const looked = Math.min(end, at + firstLook);
      const piece = buffer.latin1Slice(at, looked);
      const joint = this.#seam + piece;
      const length = endIn(joint);
      if (length >= 0) {
        const taken = length - this.#seam.length;
        this.text += piece.slice(0, taken);
        return at + taken;
      }
      this.text += piece;
      this.#seam = joint.slice(-2);
      at = looked;
    }
    return -1;
  }
}

/** Position behind the first line end that follows another at once, -1 = there is none. */
function endIn(text: string): number {
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    const next = text.charCodeAt(at + 1);
    if (next === 10) return at + 2;
    if (next === 13 && text.charCodeAt(at + 2) === 10) return at + 3;
  }
  return -1;
}
