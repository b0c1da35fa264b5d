// Who carries the traffic, as the primary sees it: a crew of workers, or the primary's own process.

import type { Counts, WorkerRow } from "../admin/operations.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { BoundAddress } from "../listen/listening-socket.ts";

export interface Serving {
  /** Goes over to a snapshot. Throws, with nothing changed, when it cannot. */
  apply(snapshot: Snapshot): Promise<void>;
  /** Where clients can connect, by listener. */
  readonly bound: Readonly<Record<string, readonly BoundAddress[]>>;
  readonly rows: readonly WorkerRow[];
  readonly wanted: number;
  readonly counts: Counts;
  /** Resident bytes of everything that serves, this process apart. */
  readonly memory: number;
  reopenLogs(): void;
  /** Finishes what runs, as for the end of the program, and ends. Aborted: at once. */
  end(signal: AbortSignal): Promise<void>;
  /** Who retires is given no more time than the end of the program has. */
  hurry(): void;
  /** The same, as patiently as when a worker is replaced: others serve already. */
  retire(signal: AbortSignal): Promise<void>;
}
