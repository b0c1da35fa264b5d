// Single requests of a sample program: as many as a test says, followed by whoever wants to.

import type { RehearsalOutcome, SeenTraffic, Traffic } from "../../src/admin/traffic.ts";
import { RecordBook } from "../../src/process/traffic-records.ts";
import type { OpenEntry, TrafficEntry } from "../../src/traffic/entry.ts";
import { testOf, type TrafficFilter } from "../../src/traffic/filter.ts";

export class SampleTraffic implements Traffic {
  entries: readonly TrafficEntry[] = [];
  openOnes: readonly OpenEntry[] = [];
  rehearsal: RehearsalOutcome = {
    kind: "rehearsed",
    rehearsed: { requests: 0, changed: [], lost: 0 },
    notes: [],
  };
  isFull = false;
  readonly filters: TrafficFilter[] = [];
  readonly records = new RecordBook({ ask: async () => [], routes: () => ["www"] });
  readonly #takers = new Set<(seen: SeenTraffic) => void>();

  async follow(filter: TrafficFilter, take: (seen: SeenTraffic) => void) {
    if (this.isFull) return undefined;
    this.filters.push(filter);
    this.#takers.add(take);
    return () => void this.#takers.delete(take);
  }

  get followers(): number {
    return this.#takers.size;
  }

  tell(seen: SeenTraffic): void {
    for (const take of this.#takers) take(seen);
  }

  standouts = (filter: TrafficFilter) => Promise.resolve(this.entries.filter(testOf(filter)));
  open = () => Promise.resolve(this.openOnes);
  close = (id: string) =>
    Promise.resolve({ ok: this.openOnes.some((each) => each.id === id), message: `close ${id}` });
  rehearse = () => Promise.resolve(this.rehearsal);
}
