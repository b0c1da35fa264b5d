// Durations as people write them: "250ms", "300s", "5m", "1h30m". A number without a unit is refused,
// because half of all programs mean seconds and the other half milliseconds; only 0 needs none.

export type Duration = { kind: "ms"; ms: number } | { kind: "bad"; why: string };

// Longer timers overflow in Node (31 bits of milliseconds) and would fire at once.
const longestTimer = 24 * 86_400_000;

const units = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** @param longest ms; more than by default is only for what no timer waits for */
export function parseDuration(text: string, longest = longestTimer): Duration {
  const trimmed = text.trim();
  if (trimmed === "0") return { kind: "ms", ms: 0 };
  if (/^\d+(\.\d+)?$/.test(trimmed)) return { kind: "bad", why: `${trimmed} has no unit` };
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) {
    return { kind: "bad", why: `${JSON.stringify(text)} is not a duration` };
  }
  let ms = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    ms += Number(amount) * (units.get(unit ?? "") ?? Number.NaN);
  }
  if (ms > longest) {
    return { kind: "bad", why: `${trimmed} is longer than ${formatDuration(longest)}` };
  }
  // A tiny duration must not become 0, which means "no limit".
  return { kind: "ms", ms: ms === 0 ? 0 : Math.max(1, Math.round(ms)) };
}

/** The shortest exact way to write it: 90000 → "90s", 3600000 → "1h". */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  for (const [unit, size] of [...units].reverse()) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
