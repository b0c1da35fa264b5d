// Which services that were started on demand have been idle for long enough to be stopped again. A container
// that serves several is stopped when all of them are idle, never under one that is in use.

import type { BackendService, Service } from "../config/service.ts";
import type { BackendLoad, ServiceLoad } from "../upstream/state.ts";

/** Workloads of each service, by id. */
export type Members = ReadonlyMap<string, readonly string[]>;

interface Seen {
  /** What all workers counted until then. Any change is use: also an exchange that ended unanswered. */
  readonly counted: string;
  /** `performance.now()` */
  readonly since: number;
}

export class Idleness {
  #seen: ReadonlyMap<string, Seen> = new Map();

  /**
   * Called every now and then.
   * @param loads of each worker; empty = it did not answer
   * @param now `performance.now()`
   * @returns names of the services to stop
   */
  look(
    services: ReadonlyMap<string, Service>,
    loads: readonly (readonly ServiceLoad[])[],
    members: Members,
    now: number,
  ): readonly string[] {
    const before = this.#seen;
    // A worker that did not answer in time may carry a tunnel to any of them.
    const isUnsure = loads.some((each) => each.length === 0);
    const rowsOf = Map.groupBy(loads.flat(), ({ service }) => service);
    const seen = new Map<string, Seen>();
    const idle = new Set<string>();
    for (const service of services.values()) {
      if (!mayStop(service)) continue;
      const { name, onDemand } = service;
      const rows = rowsOf.get(name) ?? [];
      const backends = rows.flatMap((row) => row.backends);
      const counted = JSON.stringify(backends.map(countsOf));
      const isBusy =
        isUnsure ||
        rows.some(({ held }) => held > 0) ||
        backends.some(({ inFlight, waiting }) => inFlight + waiting > 0);
      const old = before.get(name);
      const isAsBefore = old !== undefined && !isBusy && old.counted === counted;
      const latest = isAsBefore ? old : { counted, since: now };
      seen.set(name, latest);
      if (now - latest.since >= onDemand.idleStop) idle.add(name);
    }
    this.#seen = seen;
    return [...idle].filter((name) => isAlone(name, idle, members));
  }
}

type Stoppable = BackendService & { readonly onDemand: NonNullable<BackendService["onDemand"]> };

function mayStop(service: Service): service is Stoppable {
  return (
    service.kind === "backends" &&
    service.backends.length > 0 &&
    service.onDemand !== undefined &&
    service.onDemand.idleStop > 0
  );
}

function countsOf({ backend, begun, answered, failed }: BackendLoad): unknown {
  return [backend, begun, answered, failed];
}

/** Nobody in use shares a container with it. */
function isAlone(name: string, idle: ReadonlySet<string>, members: Members): boolean {
  const own = new Set(members.get(name));
  return [...members].every(
    ([other, workloads]) => idle.has(other) || !workloads.some((each) => own.has(each)),
  );
}
