// Lets only so many through in each turn of the event loop: what else the process does gets its turn between them. For work that
// takes long and comes in floods, such as handshakes.

export class Turnstile {
  readonly #perTurn: number;
  readonly #mostWaiting: number;
  #waiting: (() => void)[] = [];
  #left: number;
  #isArmed = false;

  /** @param mostWaiting more than these are turned away */
  constructor(perTurn: number, mostWaiting: number) {
    this.#perTurn = perTurn;
    this.#mostWaiting = mostWaiting;
    this.#left = perTurn;
  }

  /**
   * @param go called at once, or in one of the next turns; must not throw
   * @returns false: too many wait already, and it is never called
   */
  pass(go: () => void): boolean {
    this.#arm();
    if (this.#left > 0) {
      this.#left--;
      go();
      return true;
    }
    if (this.#waiting.length >= this.#mostWaiting) return false;
    this.#waiting.push(go);
    return true;
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#left = this.#perTurn;
    const now = this.#waiting.splice(0, this.#perTurn);
    if (now.length === 0) return;
    this.#left -= now.length;
    this.#arm();
    for (const go of now) go();
  }
}
