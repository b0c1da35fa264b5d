// What can be asked of single requests while the program runs. Declared here, implemented by `process`.

import type { OpenEntry, TrafficEntry } from "../traffic/entry.ts";
import type { TrafficFilter } from "../traffic/filter.ts";
import type { Rehearsed } from "../traffic/rehearsed.ts";
import type { ChangeOutcome, ItemChange } from "./configuration.ts";
import type { Outcome } from "./operations.ts";
import type { Records } from "./traffic-records.ts";

export interface Traffic {
  readonly records: Records;
  /**
   * Resolves when all who serve watch for it.
   * @returns the function that ends it; undefined = so many watch already that nobody else may
   */
  follow(
    filter: TrafficFilter,
    take: (seen: SeenTraffic) => void,
  ): Promise<(() => void) | undefined>;
  /** Of the latest minutes those that failed or were slow, the oldest first. */
  standouts(filter: TrafficFilter): Promise<readonly TrafficEntry[]>;
  /** What is open now, longest first. */
  open(): Promise<readonly OpenEntry[]>;
  /** Cuts one that is open. */
  close(id: string): Promise<Outcome>;
  /** What changes would do to the latest requests; nothing is changed. */
  rehearse(changes: readonly ItemChange[]): Promise<RehearsalOutcome>;
}

export interface SeenTraffic {
  readonly entries: readonly TrafficEntry[];
  /** More that may have fitted, and were too many to be carried. */
  readonly dropped: number;
}

export type RehearsalOutcome =
  | { readonly kind: "rehearsed"; readonly rehearsed: Rehearsed; readonly notes: readonly string[] }
  | Exclude<ChangeOutcome, { kind: "done" }>;
