// The numbers of the whole program, in the primary: what workers counted is added up, kept for a while, and given to
// who looks on. Nothing of it is on the way of a request.

import type {
  Measured,
  MeasuredBackend,
  MeasuredPoint,
  MeasuredRoute,
  Measures as MeasuresOfProgram,
  MeasuresWish,
} from "../admin/measures.ts";
import { type Counts, noCounts, type Operations } from "../admin/operations.ts";
import { defaultMaxSeries, measureLimits as limits } from "../config/metrics-limits.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { Health } from "../health/health.ts";
import type { Log } from "../lib/log.ts";
import { quantile, timeBuckets } from "../lib/time-buckets.ts";
import { exposition } from "../metrics/exposition.ts";
import { RecentGrowth, Ring } from "../metrics/history.ts";
import {
  backendCell,
  layouts,
  type MeasureReport,
  routeCell,
  serviceCell,
  statusClasses,
} from "../metrics/layout.ts";
import { type Sum, Sums } from "../metrics/sums.ts";
import { noRoute } from "../proxy/meter.ts";
import type { Alarms } from "./alarms.ts";
import type { Failures } from "./change-watch.ts";
import { MeasuresClock } from "./measures-clock.ts";
import { knownValues } from "./measures-known.ts";
import { MeasuresListener } from "./measures-listener.ts";
import { type WorkerVitals, workerRows } from "./measures-workers.ts";
import type { Primary } from "./primary.ts";
import type { Providers } from "./providers.ts";
import type { ServingUser } from "./serving.ts";

export interface MeasuresOptions {
  readonly log: Log;
  readonly health: Health;
  readonly providers: Providers;
  readonly primary: Primary;
  operations(): Operations;
}

interface Follower {
  readonly rows: number;
  readonly listener: (text: string) => void;
}

const cells = layouts.route.cells;
/** When the reports of a second are there, ms after it. */
const reportsAreIn = 400;

export class Measures implements MeasuresOfProgram {
  readonly #options: MeasuresOptions;
  readonly #startedAt = performance.now();
  readonly #sums: Sums;
  readonly #growth = new RecentGrowth(performance.now());
  readonly #history = new Ring<MeasuredPoint>(limits.history);
  /** Of all routes. */
  readonly #total = new Float64Array(cells);
  #before = new Float64Array(cells);
  #beforeAt = performance.now();
  #sweptAt = performance.now();
  readonly #vitals = new Map<number, WorkerVitals>();
  readonly #replaced = new Map<number, number>();
  readonly #followers = new Set<Follower>();
  readonly #clock = new MeasuresClock(reportsAreIn, () => this.#tick());
  readonly #listener: MeasuresListener;
  #writing: Promise<string> | undefined;

  constructor(options: MeasuresOptions) {
    this.#options = options;
    const { log } = options;
    this.#listener = new MeasuresListener({ log, exposition: () => this.exposition() });
    this.#sums = new Sums(defaultMaxSeries, { onTouch: (sum) => this.#growth.note(sum) });
  }

  // --- what comes from those who serve -------------------------------------------------------------

  /** With what else hears of them. */
  hooks(alarms: Alarms): Pick<ServingUser, "onMeasures" | "onReplaced" | "onGone"> {
    return {
      onMeasures: (worker, slot, report) => this.#take(worker, slot, report),
      onReplaced: (slot, pid, what) => {
        this.#replaced.set(slot, (this.#replaced.get(slot) ?? 0) + 1);
        alarms.onReplaced(slot, pid, what);
      },
      onGone: (worker) => {
        this.#sums.gone(worker);
        this.#vitals.delete(worker);
        alarms.onWorkerGone(worker);
      },
    };
  }

  #take(worker: number, slot: number, report: MeasureReport): void {
    let ended = 0;
    for (const row of report.rows) {
      this.#sums.add(worker, row);
      if (row.kind !== "route") continue;
      for (let at = 0; at + 1 < row.changes.length; at += 2) {
        const cell = row.changes[at]!;
        this.#total[cell]! += row.changes[at + 1]!;
        if (cell < statusClasses) ended += row.changes[at + 1]!;
      }
    }
    const { cpu, busy, lag } = report;
    this.#vitals.set(worker, { slot, cpu, busy, lag, rate: ended });
  }

  /** Resolves once it listens where it should, or has tried. */
  async update({ metrics }: Snapshot): Promise<void> {
    this.#sums.most = metrics.maxSeries;
    await this.#listener.update(metrics);
  }

  /** Where metrics are served, as in the ports file. */
  get bound(): MeasuresListener["bound"] {
    return this.#listener.bound;
  }

  get #counts(): Counts {
    return this.#options.primary.serving?.counts ?? noCounts;
  }

  // --- every second --------------------------------------------------------------------------------

  #tick(): void {
    const now = performance.now();
    this.#history.add(this.#point(now));
    this.#before = this.#total.slice();
    this.#beforeAt = now;
    this.#growth.turn(now);
    if (now - this.#sweptAt > limits.sweepEvery) this.#sweep(now);
    this.#tellFollowers();
  }

  #tellFollowers(): void {
    if (this.#followers.size === 0) return;
    // However many rows each wants, they are looked for once.
    const most = Math.max(...[...this.#followers].map(({ rows }) => rows));
    const all = this.now({ rows: most, history: 1 });
    const texts = new Map<number, string>();
    for (const { rows, listener } of [...this.#followers]) {
      const text = texts.get(rows) ?? JSON.stringify(firstRows(all, rows));
      texts.set(rows, text);
      listener(text);
    }
  }

  #point(now: number): MeasuredPoint {
    const seconds = Math.max(0.1, (now - this.#beforeAt) / 1000);
    const grown = this.#total.map((value, at) => value - (this.#before[at] ?? 0));
    const { connections, exchanges, tunnels } = this.#counts;
    return {
      at: Date.now(),
      ...ratesOf(grown, seconds),
      ...timesOf(grown, routeCell.buckets),
      ...{ connections, exchanges, tunnels },
    };
  }

  /** Rows of what is not in the configuration any more. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    const { snapshot } = this.#options.primary;
    if (snapshot === undefined) return;
    const routes = new Set(snapshot.routes.map(({ name }) => name));
    const listeners = new Set(snapshot.listeners.map(({ name }) => name));
    this.#sums.sweep(({ kind, labels: [name = "", backend] }) => {
      if (kind === "listener" || kind === "flood" || kind === "stream") return listeners.has(name);
      if (kind !== "service" && kind !== "backend") return routes.has(name);
      const service = snapshot.services.get(name);
      if (kind === "service" || service?.kind !== "backends") return service !== undefined;
      return service.backends.some(({ url }) => url === backend);
    });
  }

  // --- for who looks on ----------------------------------------------------------------------------

  now({ rows, history }: MeasuresWish): Measured {
    const now = performance.now();
    const points = this.#history.latest(history);
    const [last] = this.#history.latest(1);
    const seconds = this.#growth.seconds(now);
    const grown = this.#recentOfAll();
    const { connections, exchanges, tunnels } = this.#counts;
    const carried = this.#carried();
    return {
      at: new Date().toISOString(),
      seconds: round(seconds),
      uptime: Math.round(now - this.#startedAt),
      totals: {
        requests: sumOf(this.#total, 0, statusClasses),
        errors: errorsOf(this.#total),
        rates: {
          requests: last?.requests ?? 0,
          errors: last?.errors ?? 0,
          bytesIn: last?.bytesIn ?? 0,
          bytesOut: last?.bytesOut ?? 0,
        },
        status: Object.fromEntries(
          statusNames.map((name, at) => [name, round((grown[at] ?? 0) / seconds)]),
        ),
        ...{ connections, exchanges, tunnels },
        ...timesOf(grown, routeCell.buckets),
      },
      history: [...points],
      routes: this.#busiest("route", rows).map((each) => this.#routeRow(each, seconds)),
      services: this.#busiest("service", rows).map((each) =>
        this.#serviceRow(each, seconds, carried),
      ),
      backends: this.#busiest("backend", rows).map((each) => this.#backendRow(each, seconds)),
      workers: workerRows(this.#options.operations().workers(), this.#vitals),
    };
  }

  /** Of the same seconds as rows. */
  #recentOfAll(): Float64Array {
    const all = new Float64Array(cells);
    for (const sum of this.#growth.active("route")) {
      const grown = this.#growth.of(sum);
      for (let at = 0; at < cells; at++) all[at]! += grown[at] ?? 0;
    }
    return all;
  }

  /** Those that did most of late; then those that did most in all. */
  #busiest(kind: "route" | "service" | "backend", most: number): readonly Sum[] {
    const ends = kind === "route" ? statusClasses : 1;
    const all = [...this.#sums.rowsOf(kind).values()].map((sum) => ({
      sum,
      late: this.#growth.has(sum) ? sumOf(this.#growth.of(sum), 0, ends) : 0,
      total: sumOf(sum.values, 0, ends),
    }));
    const sorted = all.toSorted((a, b) => b.late - a.late || b.total - a.total);
    return sorted.slice(0, most).map(({ sum }) => sum);
  }

  #routeRow(sum: Sum, seconds: number): MeasuredRoute {
    const grown = this.#growth.of(sum);
    const { p50, p99 } = timesOf(grown, routeCell.buckets);
    return {
      name: sum.labels[0] ?? "",
      rate: round(sumOf(grown, 0, statusClasses) / seconds),
      errorRate: round(errorsOf(grown) / seconds),
      ...{ p50, p99 },
      open: sum.values[routeCell.open] ?? 0,
      total: sumOf(sum.values, 0, statusClasses),
    };
  }

  /** By service, what its backends carry. */
  #carried(): ReadonlyMap<string, number> {
    const carried = new Map<string, number>();
    for (const { labels, values } of this.#sums.rowsOf("backend").values()) {
      const [service = ""] = labels;
      carried.set(service, (carried.get(service) ?? 0) + (values[backendCell.open] ?? 0));
    }
    return carried;
  }

  #serviceRow(sum: Sum, seconds: number, carried: ReadonlyMap<string, number>): MeasuredRoute {
    const grown = this.#growth.of(sum);
    const { p50, p99 } = timesOf(grown, serviceCell.buckets);
    const name = sum.labels[0] ?? "";
    const open = (sum.values[serviceCell.waiting] ?? 0) + (carried.get(name) ?? 0);
    return {
      ...{ name, open, p50, p99 },
      rate: round((grown[serviceCell.answered] ?? 0) / seconds),
      errorRate: round((grown[serviceCell.failed] ?? 0) / seconds),
      total: sum.values[serviceCell.answered] ?? 0,
    };
  }

  #backendRow(sum: Sum, seconds: number): MeasuredBackend {
    const grown = this.#growth.of(sum);
    const { values, labels } = sum;
    const of = (from: Float64Array, cell: number) => from[cell] ?? 0;
    return {
      ...{ service: labels[0] ?? "", url: labels[1] ?? "" },
      rate: round((of(grown, backendCell.answered) + of(grown, backendCell.failed)) / seconds),
      errorRate: round(of(grown, backendCell.failed) / seconds),
      open: of(values, backendCell.open),
      waiting: of(values, backendCell.waiting),
      total: of(values, backendCell.answered) + of(values, backendCell.failed),
    };
  }

  /** Of those that have numbers of their own. */
  failuresOf(routes: ReadonlySet<string>): Failures {
    const requestsOf = (sum: Sum | undefined) =>
      sum === undefined ? 0 : sumOf(sum.values, 0, statusClasses);
    const found = {
      requests: 0,
      failed: 0,
      unrouted: requestsOf(this.#sums.find("route", noRoute)),
    };
    for (const name of routes) {
      const sum = this.#sums.find("route", name);
      found.requests += requestsOf(sum);
      if (sum !== undefined) found.failed += errorsOf(sum.values);
    }
    return found;
  }

  follow(rows: number, listener: (text: string) => void): (() => void) | undefined {
    if (this.#followers.size >= limits.followers) return undefined;
    const follower = { rows, listener };
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  /** Of several that ask at once one is written to. */
  exposition(): Promise<string> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<string> {
    const { most: maxSeries } = this.#sums;
    const vitals = [...this.#vitals.values()];
    const own = { vitals, replaced: this.#replaced, sums: this.#sums, maxSeries };
    const { health, providers, operations } = this.#options;
    const sources = {
      operations,
      serviceRows: () => health.rows([]),
      providers: () => providers.states,
    };
    return exposition(this.#sums, await knownValues(sources, own));
  }

  async end(): Promise<void> {
    this.#clock[Symbol.dispose]();
    await this.#listener.close();
  }
}

function firstRows(measured: Measured, rows: number): Measured {
  const { routes, services, backends } = measured;
  return {
    ...measured,
    routes: routes.slice(0, rows),
    services: services.slice(0, rows),
    backends: backends.slice(0, rows),
  };
}

const statusNames = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;

function sumOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += values[at] ?? 0;
  return sum;
}

/** Answered 5xx. Of an exchange without an answer mostly the client went away. */
function errorsOf(values: Float64Array): number {
  return values[5] ?? 0;
}

function ratesOf(grown: Float64Array, seconds: number) {
  return {
    requests: round(sumOf(grown, 0, statusClasses) / seconds),
    errors: round(errorsOf(grown) / seconds),
    bytesIn: Math.round((grown[routeCell.bytesIn] ?? 0) / seconds),
    bytesOut: Math.round((grown[routeCell.bytesOut] ?? 0) / seconds),
  };
}

function timesOf(grown: Float64Array, first: number) {
  const ms = (share: number) => round(quantile(grown, first, share) * 1000);
  return grown.length < first + timeBuckets
    ? { p50: 0, p90: 0, p99: 0 }
    : { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99) };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
