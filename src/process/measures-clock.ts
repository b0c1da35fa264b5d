// Every whole second of the clock of this machine: all workers tell their numbers at the same moment, so that the
// primary finds those of one second together. How late a timer comes is what everything waits for the event loop.

const second = 1000;

export class MeasuresClock implements Disposable {
  readonly #onSecond: (lag: number) => void;
  readonly #offset: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param offset ms after the second. @param onSecond told how late it is, seconds */
  constructor(offset: number, onSecond: (lag: number) => void) {
    this.#offset = offset;
    this.#onSecond = onSecond;
    this.#arm();
  }

  #arm(): void {
    const past = (Date.now() - this.#offset) % second;
    // Timers may come a moment early: that second has been.
    const wait = second - past < second / 10 ? 2 * second - past : second - past;
    const due = performance.now() + wait;
    this.#timer = setTimeout(() => {
      this.#arm();
      this.#onSecond(Math.max(0, performance.now() - due) / second);
    }, wait).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
