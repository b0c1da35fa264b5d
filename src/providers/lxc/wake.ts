// Calls once when the earliest of the times that were asked for has come.

export class Wake implements Disposable {
  #call: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;

  onTime(call: () => void): void {
    this.#call = call;
  }

  in(ms: number): void {
    const dueAt = performance.now() + ms;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#call?.();
    }, ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#call = undefined;
  }
}
