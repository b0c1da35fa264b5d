// What the primary knows of backends and services, with notes of all that it tells to workers, to whoever sends
// alerts, and to the log.

import type { ServiceRow } from "../../src/admin/operations.ts";
import type { HealthEvent } from "../../src/health/health-event.ts";
import { Health, type HealthOptions } from "../../src/health/health.ts";
import type { Log, LogFields } from "../../src/lib/log.ts";
import type { ServiceLoad, StateNews } from "../../src/upstream/state.ts";
import { eventually } from "./barrier.ts";

export function watched(options: Partial<HealthOptions> = {}) {
  const news: StateNews[] = [];
  const events: HealthEvent[] = [];
  const lines: string[] = [];
  const note = (text: string, { service, backend, why }: LogFields = {}) =>
    void lines.push(
      [text, service, backend, why].filter((each) => typeof each === "string").join(" | "),
    );
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const health = new Health({
    log,
    onNews: (each) => void news.push(each),
    onEvent: (each) => void events.push(each),
    ...options,
  });
  const rows = (loads: readonly (readonly ServiceLoad[])[] = []): readonly ServiceRow[] =>
    health.rows(loads);
  const backendRow = (service: string, at = 0) => {
    const row = rows().find(({ name }) => name === service)?.backends[at];
    if (row === undefined) throw new Error(`no backend ${at} in ${service}`);
    return row;
  };
  return {
    health,
    news,
    events,
    lines,
    rows,
    backendRow,
    changes: () => events.map((each) => `${each.kind} ${each.change} ${each.service}`),
    stateOf: (service: string) => rows().find(({ name }) => name === service)?.state,
    until: (what: string, is: () => boolean) => eventually(what, () => is() || undefined),
    [Symbol.dispose]: () => health[Symbol.dispose](),
  };
}
