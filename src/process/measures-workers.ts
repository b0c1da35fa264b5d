// Those who serve, with what they told of themselves last.

import type { MeasuredWorker } from "../admin/measures.ts";
import type { WorkerRow } from "../admin/operations.ts";

/** What one of those who serve told of itself last. */
export interface WorkerVitals {
  readonly slot: number;
  /** Seconds. */
  readonly cpu: number;
  readonly busy: number;
  /** Seconds. */
  readonly lag: number;
  /** Requests that it ended in its last second. */
  readonly rate: number;
}

/** @param vitals by number of the worker */
export function workerRows(
  rows: readonly WorkerRow[],
  vitals: ReadonlyMap<number, WorkerVitals>,
): MeasuredWorker[] {
  // One that leaves has the place of the one that came for it: that is the one that matters.
  const bySlot = new Map([...vitals.values()].map((each) => [each.slot, each]));
  return rows
    .map(({ slot, pid, state, memory, counts }) => {
      const { connections, exchanges, tunnels } = counts;
      const told = state === "leaving" ? undefined : bySlot.get(slot);
      const { busy = 0, lag = 0, rate = 0 } = told ?? {};
      return {
        ...{ slot, pid, state, memory, connections, exchanges, tunnels, rate },
        ...{ busy: Math.round(busy * 1000) / 1000, lag: Math.round(lag * 1e6) / 1000 },
      };
    })
    .toSorted((a, b) => a.slot - b.slot);
}
