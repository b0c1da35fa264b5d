// Watches what share of a service's exchanges fails, over a moving window and all workers together. Raised
// above the limit, cleared only below half of it, so that a share near the limit does not flap.

import type { ErrorAlert } from "../config/alert-settings.ts";
import { formatDuration } from "../lib/duration.ts";
import type { Alert } from "./alert.ts";
import { errorsAlert, errorsKey } from "./events.ts";

/** How finely the window moves: a tenth of it at a time. */
const slices = 10;

/** Of one worker since it began. */
export interface Outcomes {
  readonly service: string;
  /** All that ended, the failed ones too. */
  readonly answered: number;
  readonly failed: number;
}

interface Slice {
  readonly at: number;
  answered: number;
  failed: number;
}

export interface ErrorRatioWatchOptions {
  readonly settings: ErrorAlert;
  readonly raise: (alert: Alert) => void;
  /** What is open from before: it has to be cleared some time. */
  readonly open?: readonly Alert[];
  readonly now?: () => number;
}

export class ErrorRatioWatch {
  #settings: ErrorAlert;
  readonly #raise: (alert: Alert) => void;
  readonly #now: () => number;
  /** By worker and service. */
  readonly #last = new Map<string, Map<string, Outcomes>>();
  readonly #slices = new Map<string, Slice[]>();
  readonly #open: Set<string>;

  constructor({ settings, raise, open = [], now = Date.now }: ErrorRatioWatchOptions) {
    this.#settings = settings;
    this.#raise = raise;
    this.#now = now;
    this.#open = new Set(open.map(({ key }) => key));
  }

  update(settings: ErrorAlert): void {
    this.#settings = settings;
  }

  /** What a worker has counted until now, of services where that changed; `worker` never names another one later. */
  feed(worker: string, outcomes: readonly Outcomes[]): void {
    const known = this.#last.get(worker) ?? new Map<string, Outcomes>();
    this.#last.set(worker, known);
    for (const { service, answered, failed } of outcomes) {
      const last = known.get(service);
      known.set(service, { service, answered, failed });
      // Counted anew: a service that was taken out and came back.
      const isNew = last === undefined || last.answered > answered || last.failed > failed;
      const more = isNew ? { answered, failed } : differenceOf({ answered, failed }, last);
      if (more.answered + more.failed > 0) this.#count(service, more);
    }
  }

  /** The worker is gone. What it counted stays in the window. */
  forget(worker: string): void {
    this.#last.delete(worker);
  }

  /** Compares with the limits: to be called every few seconds, with and without traffic. */
  look(services: readonly string[]): void {
    const known = new Set(services);
    for (const service of this.#slices.keys()) {
      if (!known.has(service)) this.#slices.delete(service);
    }
    // One of that name that comes later is counted from nothing.
    for (const last of this.#last.values()) {
      for (const service of last.keys()) if (!known.has(service)) last.delete(service);
    }
    for (const service of known) this.#lookAt(service);
    for (const [key, service] of this.#openServices()) {
      if (known.has(service)) continue;
      this.#open.delete(key);
      const text = "The service is no longer in the configuration.";
      this.#raise(errorsAlert({ service, isRaised: false, text, at: this.#now() }));
    }
  }

  #openServices(): [string, string][] {
    const prefix = errorsKey("");
    return [...this.#open]
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key, key.slice(prefix.length)]);
  }

  #count(service: string, more: { answered: number; failed: number }): void {
    const now = this.#now();
    const at = now - (now % (this.#settings.window / slices));
    const all = this.#slices.get(service) ?? [];
    const last = all.at(-1);
    if (last?.at === at) {
      last.answered += more.answered;
      last.failed += more.failed;
      return;
    }
    all.push({ at, ...more });
    this.#slices.set(service, all);
  }

  #lookAt(service: string): void {
    const now = this.#now();
    const { ratio, window, minRequests } = this.#settings;
    // Slices of the future are from before the clock was set back.
    const all = (this.#slices.get(service) ?? []).filter(
      ({ at }) => at > now - window && at <= now,
    );
    this.#slices.set(service, all);
    const failed = all.reduce((sum, each) => sum + each.failed, 0);
    const answered = all.reduce((sum, each) => sum + each.answered, 0);
    const total = Math.max(answered, failed);
    const share = total === 0 ? 0 : failed / total;
    const key = errorsKey(service);
    const text = `${failed} of ${total} requests failed, ${percent(share)}. The limit is ${percent(ratio)}.`;
    const isOpen = this.#open.has(key);
    if (!isOpen && total >= minRequests && share > ratio) {
      this.#open.add(key);
      this.#raise(errorsAlert({ service, isRaised: true, text, at: now }));
    } else if (isOpen && share <= ratio / 2) {
      this.#open.delete(key);
      const calm = total === 0 ? `No requests for ${formatDuration(window)}.` : text;
      this.#raise(errorsAlert({ service, isRaised: false, text: calm, at: now }));
    }
  }
}

function differenceOf(now: Omit<Outcomes, "service">, before: Outcomes) {
  return { answered: now.answered - before.answered, failed: now.failed - before.failed };
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
