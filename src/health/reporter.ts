// Says what happens to backends and services, each change once: a line in the log, and an event for
// whoever sends alerts.

import type { Log } from "../lib/log.ts";
import type { Mark } from "../upstream/state.ts";
import type { BackendRecord } from "./backend-record.ts";
import type { HealthEvent } from "./health-event.ts";
import type { ServiceRecord } from "./service-record.ts";

type BackendChange = Extract<HealthEvent, { kind: "backend" }>["change"];

export class Reporter {
  readonly #log: Log;
  readonly #onEvent: (event: HealthEvent) => void;
  readonly #now: () => number;

  constructor(log: Log, onEvent: (event: HealthEvent) => void, now: () => number) {
    this.#log = log;
    this.#onEvent = onEvent;
    this.#now = now;
  }

  /** What checks found, if it was not told yet. */
  found(record: BackendRecord): void {
    const { checker, downSince } = record;
    if (record.found === "down" && downSince === undefined) {
      record.downSince = checker?.badSince ?? this.#now();
      this.#backend(record, "down", checker?.last?.text ?? "", record.downSince);
    } else if (record.found === "up" && downSince !== undefined) {
      record.downSince = undefined;
      const why = checker === undefined ? "it is no longer checked" : (checker.last?.text ?? "");
      this.#backend(record, "up", why, downSince);
    }
  }

  /** @param isStarting that it accepts no connections was to be expected: nobody has to be told */
  dead(
    record: BackendRecord,
    mark: Extract<Mark, { kind: "dead" }>,
    { isStarting, from }: { readonly isStarting: boolean; readonly from: string | undefined },
  ): void {
    const { death } = record;
    const now = this.#now();
    const until = Math.max(death?.until ?? 0, now + mark.for);
    record.death = {
      since: death?.since ?? now,
      until,
      why: mark.why,
      isUnreachable: mark.isUnreachable,
      isQuiet: death?.isQuiet ?? isStarting,
    };
    // Several workers find it out at once, and later those that tried it again.
    if (death !== undefined) return;
    if (isStarting)
      this.#log.debug("backend not ready yet", { service: record.service, why: mark.why });
    else this.#backend(record, "dead", mark.why, now, from);
  }

  alive(record: BackendRecord, why: string, from?: string): void {
    const { death } = record;
    if (death === undefined) return;
    record.death = undefined;
    if (!death.isQuiet) this.#backend(record, "alive", why, death.since, from);
  }

  service(record: ServiceRecord): void {
    const { isAllDown, downSince, backends, absent } = record;
    if (isAllDown === (downSince !== undefined)) return;
    record.downSince = isAllDown ? this.#now() : undefined;
    if (isAllDown) return this.#service(record, "down", whyAll(record), this.#now());
    const gone =
      absent.length > 0 ? "it was stopped, or starts" : "it no longer has backends of its own";
    const why = backends.size > 0 ? "a backend is back" : gone;
    this.#service(record, "up", why, downSince ?? this.#now());
  }

  /** Nobody shall wait for the recovery of what is no longer there. */
  forgetBackend(record: BackendRecord): void {
    const gone = "it is no longer configured";
    this.alive(record, gone);
    if (record.downSince !== undefined) this.#backend(record, "up", gone, record.downSince);
  }

  forgetService(record: ServiceRecord): void {
    if (record.downSince === undefined) return;
    this.#service(record, "up", "it is no longer configured", record.downSince);
  }

  #backend(
    record: BackendRecord,
    change: BackendChange,
    why: string,
    since: number,
    worker?: string,
  ): void {
    const { service } = record;
    const backend = record.backend.url;
    const at = this.#now();
    const isBad = change === "down" || change === "dead";
    const fields = { service, backend, why, ...(worker === undefined ? {} : { worker }) };
    this.#log[isBad ? "warn" : "info"](`backend ${change}`, fields);
    this.#onEvent({ kind: "backend", change, service, backend, why, at, since });
  }

  #service(record: ServiceRecord, change: "down" | "up", why: string, since: number): void {
    const service = record.service.name;
    this.#log[change === "down" ? "error" : "info"](`service ${change}`, { service, why });
    this.#onEvent({ kind: "service", change, service, why, at: this.#now(), since });
  }
}

function whyAll({ backends, absent }: ServiceRecord): string {
  const first = absent.find(({ state }) => state === "unhealthy" || state === "unreachable");
  if (first !== undefined) return `${first.name} is ${first.state}: ${first.why}`;
  return backends.size === 1
    ? "its only backend is down"
    : `none of its ${backends.size} backends is up`;
}
