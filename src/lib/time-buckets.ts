// How long something took, counted in fixed buckets: a few comparisons and an add for each, and what several processes
// counted can be added up. What lies between two bounds is taken to be spread evenly.

/** Seconds, the upper ends of the buckets; one more has all that took longer. From half a millisecond, which a cached answer takes, to what waits a minute. */
export const timeBounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** Of buckets. */
export const timeBuckets = timeBounds.length + 1;

/** In which bucket a time belongs. @param seconds not NaN */
export function bucketOf(seconds: number): number {
  let at = 0;
  while (at < timeBounds.length && seconds > timeBounds[at]!) at++;
  return at;
}

/**
 * The time that a share of all stayed below, seconds; 0 = there were none.
 * @param counts of the buckets, from `first` on. @param share 0.99 for the 99th percentile
 */
export function quantile(counts: ArrayLike<number>, first: number, share: number): number {
  let all = 0;
  for (let at = 0; at < timeBuckets; at++) all += counts[first + at] ?? 0;
  if (all <= 0) return 0;
  let left = all * share;
  for (let at = 0; at < timeBuckets; at++) {
    const count = counts[first + at] ?? 0;
    if (count > 0 && left <= count) {
      const from = at === 0 ? 0 : timeBounds[at - 1]!;
      // Nobody knows how long the longest took: at least so long.
      const to = timeBounds[at] ?? from;
      return from + (to - from) * (left / count);
    }
    left -= count;
  }
  return timeBounds[timeBounds.length - 1]!;
}
