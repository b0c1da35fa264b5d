// Statuses as configuration lists them: `[502, 503-504]`.

import type { StatusRange } from "../config/service.ts";

export function isStatusIn(ranges: readonly StatusRange[], status: number): boolean {
  for (let at = 0; at < ranges.length; at++) {
    const range = ranges[at]!;
    if (status >= range[0] && status <= range[1]) return true;
  }
  return false;
}
