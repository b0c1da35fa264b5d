// What those who share a snapshot claim and do not get: what was refused, and routes of two that want the same requests.

import type { Route } from "../config/snapshot.ts";
import type { Log } from "../lib/log.ts";
import { ConflictBook } from "../routing/conflict-book.ts";
import type { Conflict } from "../routing/conflicts.ts";
import type { Refusal } from "../routing/ownership.ts";
import { LoggedOnce } from "./logged-once.ts";

/** Looked at with every change; more are not worth it. */
const mostFaults = 1000;

export class Claims {
  /** What tenants asked for and were refused. */
  refusals: readonly Refusal[] = [];
  /** Routes that claim the same requests. */
  conflicts: readonly Conflict[] = [];
  readonly #book = new ConflictBook();
  readonly #faults: LoggedOnce;

  constructor(log: Log) {
    this.#faults = new LoggedOnce(log);
  }

  /** Of the snapshot that is live from now on. */
  take(refusals: readonly Refusal[], routes: readonly Route[]): void {
    this.refusals = refusals;
    this.conflicts = this.#book.find(routes);
    this.#tell();
  }

  /** With every container that starts or stops there is another snapshot, mostly with the same faults. */
  #tell(): void {
    this.#faults.tell([
      ...this.refusals
        .slice(0, mostFaults)
        .map(({ origin, message }) => ({ message, fields: { place: origin.place } })),
      ...this.conflicts.slice(0, mostFaults).map(({ a, b, why }) => ({
        message: "two routes claim the same requests; the first one gets them",
        fields: {
          first: `${a.name} (${a.origin.place})`,
          second: `${b.name} (${b.origin.place})`,
          why,
        },
      })),
    ]);
  }
}
