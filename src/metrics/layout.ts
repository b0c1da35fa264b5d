// What is counted, of what, and where each number stands in its row. Workers count in rows of numbers, send what
// changed, and the primary adds up: all of them lean on this table, and src/metrics/families.ts says how it is shown.

import { timeBuckets } from "../lib/time-buckets.ts";

/** Answers by the hundreds of their status; 0 = the client got none. The first cells of a route. */
export const statusClasses = 6;

export const routeCell = {
  /** Exchanges that run now. */
  open: 6,
  bytesIn: 7,
  bytesOut: 8,
  upgrades: 9,
  seconds: 10,
  buckets: 11,
} as const;

export const middlewareCell = { refused: 0, answered: 1 } as const;

export const serviceCell = { answered: 0, failed: 1, waiting: 2, seconds: 3, buckets: 4 } as const;

export const backendCell = { answered: 0, failed: 1, open: 2, waiting: 3 } as const;

export const listenerCell = {
  accepted: 0,
  refused: 1,
  open: 2,
  handshakesFailed: 3,
  tls12: 4,
  tls13: 5,
  http2: 6,
  http2Open: 7,
  http2Streams: 8,
  http2Resets: 9,
  http2Faults: 10,
} as const;

export const streamCell = { ended: 0, failed: 1, bytesIn: 2, bytesOut: 3 } as const;

export const cacheCell = {
  hits: 0,
  stale: 1,
  misses: 2,
  revalidated: 3,
  passed: 4,
  stored: 5,
  evictions: 6,
  entries: 7,
  bytes: 8,
} as const;

export interface Layout {
  readonly labels: readonly string[];
  readonly cells: number;
  /** Cells that go up and down: of a worker that is gone they are taken off again. */
  readonly gauges: readonly number[];
}

export const layouts = {
  route: { labels: ["route"], cells: routeCell.buckets + timeBuckets, gauges: [routeCell.open] },
  failure: { labels: ["route", "failure"], cells: 1, gauges: [] },
  middleware: { labels: ["route", "middleware"], cells: 2, gauges: [] },
  service: {
    labels: ["service"],
    cells: serviceCell.buckets + timeBuckets,
    gauges: [serviceCell.waiting],
  },
  backend: {
    labels: ["service", "backend"],
    cells: 4,
    gauges: [backendCell.open, backendCell.waiting],
  },
  listener: {
    labels: ["listener"],
    cells: 11,
    gauges: [listenerCell.open, listenerCell.http2Open],
  },
  flood: { labels: ["listener", "flood"], cells: 1, gauges: [] },
  stream: { labels: ["listener"], cells: 4, gauges: [] },
  cache: { labels: ["route"], cells: 9, gauges: [cacheCell.entries, cacheCell.bytes] },
} as const satisfies Readonly<Record<string, Layout>>;

export type MeterKind = keyof typeof layouts;

export const meterKinds: readonly MeterKind[] = [
  "route",
  "failure",
  "middleware",
  "service",
  "backend",
  "listener",
  "flood",
  "stream",
  "cache",
];

/** What one row has more than when it was told last. */
export interface MeterChange {
  readonly kind: MeterKind;
  /** As many as its layout has. */
  readonly labels: readonly string[];
  /** Cell and difference, in turn. */
  readonly changes: readonly number[];
}

/** What a worker tells about once a second. */
export interface MeasureReport {
  readonly rows: readonly MeterChange[];
  /** Of its process, since it began, seconds. */
  readonly cpu: number;
  /** Part of the time that its event loop was busy since the last report, 0 to 1. */
  readonly busy: number;
  /** How late the report was sent, seconds: whatever waited for the event loop waited as long. */
  readonly lag: number;
}
