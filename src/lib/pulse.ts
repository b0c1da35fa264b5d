// A flag that somebody waits for: raising it wakes them, and it stays up until it is cleared.

export class Pulse {
  #isUp = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#isUp = true;
    this.#wake?.();
  }

  clear(): void {
    this.#isUp = false;
  }

  /** Settles when it is raised, after so long, or when the signal is aborted. One may wait at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#isUp || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }
}
