// Tells something at most once in a while, with how often it was left out: a flood of the same trouble
// must not become a flood of log lines.

/** @param tell gets how many times it was not told since the last time */
export function occasional<Args extends readonly unknown[]>(
  intervalMs: number,
  tell: (leftOut: number, ...args: Args) => void,
): (...args: Args) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (...args) => {
    const now = performance.now();
    if (now - toldAt < intervalMs) {
      leftOut++;
      return;
    }
    toldAt = now;
    const before = leftOut;
    leftOut = 0;
    tell(before, ...args);
  };
}
