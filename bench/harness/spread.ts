// Medians with their range: the only statistics the bench needs.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** undefined when there is nothing to summarise. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [min, max, upper] = [sorted[0], sorted.at(-1), sorted[middle]];
  if (min === undefined || max === undefined || upper === undefined) return undefined;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return { median: (lower + upper) / 2, min, max };
}

/** `12.3 (11.9–12.8)`, or `-` when there is nothing. */
export function show(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return "-";
  const [median, min, max] = [spread.median, spread.min, spread.max].map((n) => n.toFixed(digits));
  return `${median} (${min}–${max})`;
}
