// Looks on after a change for a while: when requests fail that did not fail before, the change is taken back, as whoever made it
// would do. Only the latest change of the store can be: what others changed since stays.

import type { ChangeOutcome } from "../admin/configuration.ts";
import { changeWatch as limits } from "../config/store-limits.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Log } from "../lib/log.ts";

/** Since the program began. */
export interface Failures {
  readonly requests: number;
  /** Of these, answered with a 5xx. */
  readonly failed: number;
  /** That no route is for, whatever host they asked for. */
  readonly unrouted: number;
}

export interface ChangeWatchOptions {
  readonly log: Log;
  /** Of these routes, by their names in a snapshot. */
  failuresOf(routes: ReadonlySet<string>): Failures;
  /** Of the store. */
  revision(): number;
  rollback(to: number, note: string): Promise<ChangeOutcome>;
  onTakenBack(message: string): void;
}

export interface WatchedChange {
  /** That it made. */
  readonly revision: number;
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
  /** ms */
  readonly for: number;
}

interface Watched {
  readonly revision: number;
  readonly routes: ReadonlySet<string>;
  readonly begun: Failures;
  /** `performance.now()` */
  readonly since: number;
  readonly until: number;
}

export class ChangeWatch implements Disposable {
  readonly #options: ChangeWatchOptions;
  readonly #startedAt = performance.now();
  #watched: Watched | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChangeWatchOptions) {
    this.#options = options;
  }

  begin(change: WatchedChange): void {
    const routes = touchedRoutes(change.before, change.after);
    const since = performance.now();
    this.#watched = {
      ...{ revision: change.revision, routes, since, until: since + change.for },
      begun: this.#options.failuresOf(routes),
    };
    this.#timer ??= setInterval(() => void this.#look(), limits.look).unref();
  }

  async #look(): Promise<void> {
    const watched = this.#watched;
    if (watched === undefined || this.#options.revision() !== watched.revision) {
      this[Symbol.dispose]();
      return;
    }
    const verdict = this.#verdict(watched);
    if (verdict === undefined) {
      if (performance.now() >= watched.until) this[Symbol.dispose]();
      return;
    }
    this[Symbol.dispose]();
    const note = `taken back by itself: ${verdict}`;
    const outcome = await this.#options.rollback(watched.revision - 1, note);
    const { log, onTakenBack } = this.#options;
    if (outcome.kind !== "done") {
      log.error("a change makes requests fail, and cannot be taken back", { why: verdict });
      return;
    }
    log.warn("a change was taken back", { revision: watched.revision, why: verdict });
    onTakenBack(`revision ${watched.revision} was taken back: ${verdict}`);
  }

  /** Why it is to be taken back; undefined = it is fine so far. */
  #verdict({ routes, begun, since }: Watched): string | undefined {
    const now = this.#options.failuresOf(routes);
    const lasted = performance.now() - since;
    const usual = (begun.unrouted / Math.max(1, since - this.#startedAt)) * lasted;
    const lost = Math.max(0, now.unrouted - begun.unrouted - usual);
    const failed = now.failed - begun.failed + lost;
    const all = now.requests - begun.requests + lost;
    const before = begun.requests === 0 ? 0 : begun.failed / begun.requests;
    const share = all === 0 ? 0 : failed / all;
    if (failed < limits.failures || share < Math.max(limits.share, limits.times * before)) {
      return undefined;
    }
    const percent = (part: number) => `${Math.round(part * 100)} %`;
    const after = formatDuration(Math.round(lasted / 1000) * 1000);
    return `${percent(share)} of ${Math.round(all)} requests failed within ${after}, ${percent(before)} before`;
  }

  [Symbol.dispose](): void {
    this.#watched = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Names of routes that are not what they were, or lead to a service that is not. */
function touchedRoutes(before: Snapshot | undefined, after: Snapshot): ReadonlySet<string> {
  const known = new Map((before?.routes ?? []).map((route) => [route.name, route]));
  const isSameService = (name: string | undefined) =>
    name === undefined || before?.services.get(name) === after.services.get(name);
  const touched = new Set<string>();
  for (const route of after.routes) {
    // What did not change is the same object.
    if (known.get(route.name) !== route || !isSameService(route.service)) touched.add(route.name);
    known.delete(route.name);
  }
  for (const name of known.keys()) touched.add(name);
  return touched;
}
