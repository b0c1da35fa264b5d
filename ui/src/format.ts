// Numbers and times as people read them. What is not known is a dash, never a zero.

export const dash = "–";

const units = ["B", "kB", "MB", "GB", "TB"] as const;

export function bytes(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return dash;
  let rest = value;
  let unit = 0;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${rest.toFixed(rest < 10 && unit > 0 ? 1 : 0)} ${units[unit] ?? ""}`;
}

/** 12,345; rates below ten keep one place. */
export function count(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return dash;
  const isSmall = value !== 0 && value < 10 && !Number.isInteger(value);
  return value.toLocaleString("en", { maximumFractionDigits: isSmall ? 1 : 0 });
}

/** @param ms milliseconds */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return dash;
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms);
}

/** The two greatest units of a long time: 3 d 4 h. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** How long ago an ISO 8601 time was. */
export function since(time: string | number | undefined, now = Date.now()): string {
  if (time === undefined) return dash;
  const at = typeof time === "number" ? time : Date.parse(time);
  return Number.isNaN(at) ? dash : span(now - at);
}

export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return dash;
  const value = share * 100;
  if (value === 0) return "0 %";
  return `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

// Made once: making one takes longer than a hundred uses.
const times = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const days = new Intl.DateTimeFormat("en-GB", { year: "numeric", month: "short", day: "numeric" });

/** Time of the day with seconds, in the zone of who reads. */
export function clock(time: string | number): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? dash : times.format(at);
}

export function date(time: string | undefined): string {
  if (time === undefined) return dash;
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? dash : days.format(at);
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}
