// Whether it is quiet now, by the clock on the wall: also when the clocks change.

import type { QuietHours } from "../config/alert-settings.ts";

export function isQuiet({ from, to }: Pick<QuietHours, "from" | "to">, now: number): boolean {
  const date = new Date(now);
  const minute = date.getHours() * 60 + date.getMinutes();
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
