// How much the peer may send: on a connection, or on one stream of it (RFC 9113 section 6.9). It is told of more in
// few frames, once half of a window has been used up.
//
// Whether a window is too small is seen without a clock: a sender that is held up by it has sent exactly up to its
// limit, cutting its last frame to fit; one that is held up by anything else stops there only by chance.

/** What every window has to begin with. */
export const initialWindow = 65_535;

export class ReceiveWindow {
  size = initialWindow;
  /** So much may still come. */
  left = initialWindow;
  /** Taken from it, and not given back yet. */
  #due = 0;
  #received = 0;
  /** All that was ever granted, and before the last time. */
  #limit = initialWindow;
  #earlierLimit = initialWindow;
  /** The sender was held up by it since it was last told of more. */
  isTight = false;

  /** So much has come. False: more than was granted. */
  take(bytes: number): boolean {
    this.left -= bytes;
    this.#received += bytes;
    if (this.#received === this.#limit || this.#received === this.#earlierLimit)
      this.isTight = true;
    return this.left >= 0;
  }

  /** So much of what came needs no room any more. */
  giveBack(bytes: number): void {
    this.#due += bytes;
  }

  /** It is time to tell the peer of more: half of the window has been used up, or of what there is while the rest is held. */
  get isDue(): boolean {
    return this.#due >= this.size >> 1 || (this.#due > 0 && this.#due >= this.left);
  }

  grow(size: number): void {
    this.#due += size - this.size;
    this.size = size;
  }

  /** The increment to tell the peer. */
  grant(): number {
    const grant = this.#due;
    this.#due = 0;
    this.isTight = false;
    this.left += grant;
    this.#earlierLimit = this.#limit;
    this.#limit += grant;
    return grant;
  }
}
