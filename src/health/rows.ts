// Services and backends as people see them: what the primary knows, with what workers counted.

import type { FilesService } from "../config/files.ts";
import { answerersOf } from "../config/service-parts.ts";
import type { AbsentBackend, BackendService, Service } from "../config/service.ts";
import type { BackendLoad, ServiceLoad } from "../upstream/state.ts";
import type { BackendRecord, Shown } from "./backend-record.ts";
import type { ServiceRecord, ShownAbsent, ShownService } from "./service-record.ts";

// The same as in src/admin/operations.ts, which is out of reach here: the tests hold them together.
export interface ServiceRow {
  readonly name: string;
  readonly kind: Service["kind"];
  readonly balance: string;
  readonly state: ShownService;
  readonly since: string;
  readonly held: number;
  readonly breaker: ServiceLoad["breaker"];
  readonly parts: readonly Part[];
  readonly backends: readonly BackendRow[];
}

interface Part {
  readonly service: string;
  readonly share: string;
}

interface BackendRow extends Counted {
  readonly url: string;
  readonly state: Shown | AbsentBackend["state"];
  readonly since: string;
  readonly why: string;
  readonly weight: number;
  readonly tier: number;
  readonly lastCheck:
    | { readonly at: string; readonly isGood: boolean; readonly ms: number; readonly text: string }
    | undefined;
}

type Counted = Omit<BackendLoad, "service" | "backend" | "begun">;

const noLoad: Counted = { inFlight: 0, waiting: 0, answered: 0, failed: 0, latency: 0 };

/** @param loads of each worker that said something */
export function rowsOf(
  records: ReadonlyMap<string, ServiceRecord>,
  loads: readonly (readonly ServiceLoad[])[],
  now: number,
): ServiceRow[] {
  const summed = sum(loads.flat());
  return [...records.values()].map((record) => {
    return rowOf(record, records, { load: summed.get(record.service.name), now });
  });
}

/** One of them. Its state is the same whatever workers counted. */
export function rowOf(
  record: ServiceRecord,
  records: ReadonlyMap<string, ServiceRecord>,
  { load, now }: { readonly load: Summed | undefined; readonly now: number },
): ServiceRow {
  const { state, since } = record.show(stateOf(record, records, now), now);
  return {
    name: record.service.name,
    kind: record.service.kind,
    balance: record.service.kind === "backends" ? balanceOf(record.service) : "",
    state,
    since: isoOf(since),
    held: load?.held ?? 0,
    breaker: load?.breaker,
    parts: partsOf(record.service),
    ...(record.service.kind === "files" ? { root: placeOf(record.service) } : {}),
    backends: [
      ...[...record.backends.values()].map((each) =>
        backendRow(each, load?.backends.get(each.backend.url) ?? noLoad, now),
      ),
      ...record.absent.map(absentRow),
    ],
  };
}

/** Also to be called at each change, so that `since` is right without anybody looking. */
export function stateOf(
  record: ServiceRecord,
  records: ReadonlyMap<string, ServiceRecord>,
  now: number,
): ShownService {
  const { service } = record;
  if (record.isInMaintenance || service.maintenance !== undefined) return "maintenance";
  if (record.isPaused) return "paused";
  if (service.kind !== "backends") return healthOfParts(service, records, now, new Set());
  return healthOfBackends(record, now);
}

type Health = "up" | "degraded" | "down";

function healthOfBackends({ backends, absent }: ServiceRecord, now: number): Health {
  let usable = 0;
  let well = 0;
  for (const each of backends.values()) {
    if (each.shownAt(now).state !== "up") continue;
    well++;
    if (each.backend.weight > 0) usable++;
  }
  if (usable === 0) return "down";
  return well === backends.size && absent.length === 0 ? "up" : "degraded";
}

/** A service that is held or worked on is none to lean on. @param seen makes an end of circles */
function healthOfParts(
  service: Exclude<Service, BackendService>,
  records: ReadonlyMap<string, ServiceRecord>,
  now: number,
  seen: Set<string>,
): Health {
  if (seen.has(service.name)) return "down";
  seen.add(service.name);
  // A mirror's copies are felt by nobody.
  const all = answerersOf(service).map((name): Health => {
    const record = records.get(name);
    if (record === undefined || record.isPaused || record.isInMaintenance) return "down";
    const part = record.service;
    if (part.maintenance !== undefined) return "down";
    return part.kind === "backends"
      ? healthOfBackends(record, now)
      : healthOfParts(part, records, now, seen);
  });
  seen.delete(service.name);
  if (all.every((each) => each === "up")) return "up";
  // Its files are there, whoever of the others is not.
  if (service.kind === "files") return "degraded";
  return all.every((each) => each === "down") ? "down" : "degraded";
}

function backendRow(record: BackendRecord, load: Counted, now: number): BackendRow {
  const { state, since, why } = record.shownAt(now);
  const { url, weight, tier } = record.backend;
  const last = record.checker?.last;
  return {
    url,
    state,
    since: isoOf(since),
    why,
    weight,
    tier,
    ...load,
    lastCheck:
      last === undefined
        ? undefined
        : { at: isoOf(last.at), isGood: last.isGood, ms: Math.round(last.ms), text: last.text },
  };
}

function absentRow({ name, state, why, since }: ShownAbsent): BackendRow {
  return {
    url: name,
    state,
    since: isoOf(since),
    why,
    weight: 1,
    tier: 0,
    ...noLoad,
    lastCheck: undefined,
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function balanceOf({ balance }: BackendService): string {
  if (balance.policy !== "hash") return balance.policy;
  const { key } = balance;
  return `hash ${"name" in key ? `${key.from}:${key.name}` : key.from}`;
}

function partsOf(service: Service): Part[] {
  switch (service.kind) {
    case "backends":
      return [];
    case "split": {
      const total = service.parts.reduce((sum, { weight }) => sum + weight, 0);
      return service.parts.map(({ service, weight, when }) => {
        const share = total === 0 ? "0%" : `${Number(((100 * weight) / total).toFixed(1))}%`;
        const asked = when === undefined ? "" : `, and ${when.from} ${when.name}: ${when.value}`;
        return { service, share: `${share}${asked}` };
      });
    }
    case "failover":
      return service.services.map((service, at) => ({
        service,
        share: at === 0 ? "first" : "next",
      }));
    case "mirror": {
      const copies = service.copies.map(({ service, percent }) => ({
        service,
        share: `copy of ${percent}%`,
      }));
      return [{ service: service.service, share: "all" }, ...copies];
    }
    case "files":
      return [...new Set(answerersOf(service))].map((name) => {
        const isProgram = name === service.scripts?.service;
        return { service: name, share: isProgram ? "programs" : "what is no file" };
      });
    case "addressed":
      return Object.entries(service.members).map(([share, service]) => ({ service, share }));
  }
}

export function placeOf({ root, guest }: FilesService): string {
  return guest === undefined ? root : `${root} of ${guest}`;
}

interface Summed {
  held: number;
  breaker: ServiceLoad["breaker"];
  readonly backends: Map<string, Counted>;
}

const breakerRank = { closed: 1, recovering: 2, open: 3 } as const;

function sum(loads: readonly ServiceLoad[]): Map<string, Summed> {
  const all = new Map<string, Summed>();
  for (const load of loads) {
    const one = all.get(load.service) ?? { held: 0, breaker: undefined, backends: new Map() };
    all.set(load.service, one);
    one.held += load.held;
    // Each worker has its own; what people want to know of is the worst.
    if (rankOf(load.breaker) > rankOf(one.breaker)) one.breaker = load.breaker;
    for (const backend of load.backends) {
      const before = one.backends.get(backend.backend) ?? noLoad;
      one.backends.set(backend.backend, added(before, backend));
    }
  }
  return all;
}

function rankOf(breaker: ServiceLoad["breaker"]): number {
  return breaker === undefined ? 0 : breakerRank[breaker];
}

function added(a: Counted, b: Counted): Counted {
  // Workers that had no answer yet have no latency to speak of.
  const [weightA, weightB] = [a.latency > 0 ? a.answered : 0, b.latency > 0 ? b.answered : 0];
  const weight = weightA + weightB;
  return {
    inFlight: a.inFlight + b.inFlight,
    waiting: a.waiting + b.waiting,
    answered: a.answered + b.answered,
    failed: a.failed + b.failed,
    latency: weight === 0 ? 0 : (a.latency * weightA + b.latency * weightB) / weight,
  };
}
