// Measures that say what they are told to, and whom they would tell each second.

import type { Measured, Measures, MeasuresWish } from "../../src/admin/measures.ts";

const noTimes = { p50: 0, p90: 0, p99: 0 };
const noRates = { requests: 0, errors: 0, bytesIn: 0, bytesOut: 0 };
const open = { connections: 3, exchanges: 2, tunnels: 1 };

export class SampleMeasures implements Measures {
  readonly wishes: MeasuresWish[] = [];
  readonly followers = new Set<(text: string) => void>();
  /** No more may follow. */
  isFull = false;
  text = "# HELP up It is.\n# TYPE up gauge\nup 1\n";

  now(wish: MeasuresWish): Measured {
    this.wishes.push(wish);
    return {
      ...{ at: "2026-11-21T06:00:00.000Z", seconds: 10, uptime: 3_723_000 },
      totals: {
        ...{ requests: 12_345, errors: 5, rates: noRates, status: { "2xx": 0 } },
        ...open,
        ...noTimes,
      },
      history: [{ at: 1_795_000_000_000, ...noRates, ...noTimes, ...open }],
      routes: [],
      services: [],
      backends: [],
      workers: [],
    };
  }

  follow(_rows: number, listener: (text: string) => void): (() => void) | undefined {
    if (this.isFull) return undefined;
    this.followers.add(listener);
    return () => void this.followers.delete(listener);
  }

  exposition(): Promise<string> {
    return Promise.resolve(this.text);
  }
}
