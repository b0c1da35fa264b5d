// Where operators look at exchanges: those that are open, those that end while somebody watches, those that stood out,
// and heads to try changes of routes with. What nobody asks for costs a comparison each. Hot: bench/tap.ts

import { randomBytes } from "node:crypto";
import { open as openLimits, standouts as limits, watching } from "../config/traffic-limits.ts";
import type { Exchange, ExchangeOrigin } from "../http/exchange.ts";
import { Roster } from "../lib/roster.ts";
import type { OpenEntry, TrafficEntry } from "../traffic/entry.ts";
import { testOf, type Judged, type TrafficFilter } from "../traffic/filter.ts";
import type { RecordedExchange, RecorderOrder } from "../traffic/recorded.ts";
import { noNames, type SecretNames } from "../traffic/secrets.ts";
import { Recorder } from "./recorder.ts";
import { Samples } from "./samples.ts";
import { entryOf, JudgedExchange, openEntryOf } from "./tap-entry.ts";

/** What was seen since it was asked last. */
export interface Seen {
  readonly entries: readonly TrafficEntry[];
  /** More that fitted, and were too many. */
  readonly dropped: number;
}

export class Tap {
  readonly samples = new Samples();
  /** Where the configuration that is live lets somebody in. */
  names: SecretNames = noNames;
  readonly #open = new Roster<Exchange>();
  /** Names are given to those that somebody has seen. */
  readonly #names = new WeakMap<Exchange, string>();
  #named = 0;
  // In a container each program has the same number, and what was listed before a restart must not close something else.
  readonly #mark = `${process.pid}-${randomBytes(3).toString("hex")}`;
  #watch: Watch | undefined;
  readonly #standouts = new Standouts();
  #recorder: Recorder | undefined;

  begin(exchange: Exchange): void {
    this.#open.add(exchange);
  }

  /** Its route is known. */
  routed(exchange: Exchange): void {
    if (this.#recorder !== undefined) this.#recorder.begin(exchange, this.names);
  }

  /** Its request can still be read. */
  end(exchange: Exchange): void {
    this.#open.delete(exchange);
    if (this.#recorder !== undefined) this.#recorder.end(exchange, this.names);
    this.samples.offer(exchange, this.names);
    const { failure, status, backendMs } = exchange;
    if (failure !== undefined || status >= 500 || backendMs > limits.slowerThan) {
      const isFailed = failure !== undefined || status >= 500;
      this.#standouts.take(exchange, isFailed, this.names);
    }
    if (this.#watch === undefined) return;
    if (this.#watch.isForgotten) this.#watch = undefined;
    else this.#watch.take(exchange, this.names);
  }

  /** Once a second. */
  refill(): void {
    this.samples.refill();
    this.#standouts.refill();
  }

  // --- for operators -----------------------------------------------------------------------------

  /** Watches from now on for what fits any of these; with none of them no more. */
  watch(filters: readonly TrafficFilter[]): Seen {
    const seen = this.#watch?.collect() ?? { entries: [], dropped: 0 };
    if (filters.length === 0) this.#watch = undefined;
    else if (this.#watch?.isFor(filters) === true) this.#watch.keep();
    else this.#watch = new Watch(filters);
    return seen;
  }

  /** @returns what was recorded since it was asked last */
  record(orders: readonly RecorderOrder[]): readonly RecordedExchange[] {
    if (orders.length > 0) this.#recorder ??= new Recorder();
    const recorded = this.#recorder?.update(orders) ?? [];
    if (orders.length === 0) this.#recorder = undefined;
    return recorded;
  }

  get standouts(): readonly TrafficEntry[] {
    return this.#standouts.entries;
  }

  get openEntries(): readonly OpenEntry[] {
    return this.#open
      .all()
      .toSorted((one, other) => one.startedAt - other.startedAt)
      .slice(0, openLimits.shown)
      .map((each) =>
        openEntryOf(each, this.names, { id: this.#nameOf(each), isTunnel: isTunnel(each) }),
      );
  }

  /** @returns the connection of the one of that name, which is to be cut; undefined = there is none */
  closing(id: string): ExchangeOrigin | undefined {
    const exchange = this.#open.all().find((each) => this.#names.get(each) === id);
    if (exchange === undefined) return undefined;
    exchange.failure ??= "OPERATOR_CLOSED";
    return exchange.origin;
  }

  #nameOf(exchange: Exchange): string {
    const known = this.#names.get(exchange) ?? `${this.#mark}-${++this.#named}`;
    this.#names.set(exchange, known);
    return known;
  }
}

function isTunnel({ status, request }: Exchange): boolean {
  return status === 101 || (request.method === "CONNECT" && status >= 200 && status < 300);
}

class Watch {
  readonly #key: string;
  readonly #tests: readonly ((entry: Judged) => boolean)[];
  readonly #judged = new JudgedExchange();
  #entries: TrafficEntry[] = [];
  #dropped = 0;
  #askedAt = performance.now();

  constructor(filters: readonly TrafficFilter[]) {
    this.#key = JSON.stringify(filters);
    this.#tests = filters.map(testOf);
  }

  isFor(filters: readonly TrafficFilter[]): boolean {
    return JSON.stringify(filters) === this.#key;
  }

  keep(): void {
    this.#askedAt = performance.now();
  }

  /** Whoever watched is gone without a word. */
  get isForgotten(): boolean {
    return performance.now() - this.#askedAt > watching.forgottenAfter;
  }

  take(exchange: Exchange, names: SecretNames): void {
    this.#judged.exchange = exchange;
    this.#judged.names = names;
    const isMeant = this.#tests.some((test) => test(this.#judged));
    this.#judged.exchange = undefined;
    if (!isMeant) return;
    if (this.#entries.length < watching.entries) this.#entries.push(entryOf(exchange, names));
    else this.#dropped++;
  }

  collect(): Seen {
    const seen = { entries: this.#entries, dropped: this.#dropped };
    this.#entries = [];
    this.#dropped = 0;
    return seen;
  }
}

/** The latest that failed, and the latest that were slow. */
class Standouts {
  readonly #failed: TrafficEntry[] = [];
  readonly #slow: TrafficEntry[] = [];
  #left: number = limits.perSecond;

  take(exchange: Exchange, isFailed: boolean, names: SecretNames): void {
    if (this.#left <= 0) return;
    this.#left--;
    const [kept, most] = isFailed ? [this.#failed, limits.failed] : [this.#slow, limits.slow];
    kept.push(entryOf(exchange, names));
    if (kept.length <= most) return;
    if (isFailed) kept.shift();
    else dropFastest(kept);
  }

  refill(): void {
    this.#left = limits.perSecond;
  }

  /** The oldest first. */
  get entries(): readonly TrafficEntry[] {
    const since = Date.now() - limits.age;
    return [...this.#failed, ...this.#slow]
      .filter(({ time }) => time >= since)
      .toSorted((one, other) => one.time - other.time);
  }
}

/** Those that are too old go first, whatever they were. */
function dropFastest(kept: TrafficEntry[]): void {
  const since = Date.now() - limits.age;
  const old = kept.findIndex(({ time }) => time < since);
  const fastest = kept.reduce(
    (least, { duration }, at) => (duration < (kept[least]?.duration ?? 0) ? at : least),
    0,
  );
  kept.splice(old === -1 ? fastest : old, 1);
}
