// What is known of the program without counting, as metrics: backends, workers, certificates, providers, the
// configuration. Asked for when somebody asks for metrics.

import { readdir } from "node:fs/promises";
import type { CertificateRow, Operations, ProviderRow, ServiceRow } from "../admin/operations.ts";
import type { Known, Sample } from "../metrics/exposition.ts";
import { type Family, knownFamilies as families } from "../metrics/families.ts";
import { meterKinds } from "../metrics/layout.ts";
import { shownLabel, type Sums } from "../metrics/sums.ts";
import type { WorkerVitals } from "./measures-workers.ts";

export interface KnownSources {
  operations(): Operations;
  /** Without asking the workers. */
  serviceRows(): readonly ServiceRow[];
  providers(): readonly ProviderRow[];
}

export interface OwnNumbers {
  readonly vitals: readonly WorkerVitals[];
  /** By place of the worker. */
  readonly replaced: ReadonlyMap<number, number>;
  readonly sums: Sums;
  /** Of services, backends and certificates, too. */
  readonly maxSeries: number;
}

const startedAt = Date.now() / 1000 - process.uptime();

export async function knownValues(sources: KnownSources, own: OwnNumbers): Promise<Known[]> {
  const operations = sources.operations();
  return [
    ...servicesOf(sources.serviceRows(), own.maxSeries),
    ...workersOf(operations, own),
    ...certificatesOf(operations.certificates(), own.maxSeries),
    ...providersOf(sources.providers()),
    ...programOf(operations, own),
    { family: families.descriptors, samples: await descriptorsOf(operations) },
  ];
}

const one = (family: Family, value: number): Known => ({
  family,
  samples: [{ labels: [], value }],
});

const truth = (isSo: boolean): number => (isSo ? 1 : 0);

/** Of many the first ones: a cut that stays the same from one time to the next. */
function servicesOf(rows: readonly ServiceRow[], most: number): Known[] {
  const isServing = (state: ServiceRow["state"]) => state === "up" || state === "degraded";
  const services = rows
    .slice(0, most)
    .map(({ name, state }) => ({ labels: [shownLabel(name)], value: truth(isServing(state)) }));
  const held = rows
    .filter(({ state }) => state === "paused" || state === "maintenance")
    .slice(0, most)
    .map(({ name, state }) => ({ labels: [shownLabel(name), state], value: 1 }));
  const backends: Sample[] = [];
  const stopped: Sample[] = [];
  for (const { name, backends: all } of rows) {
    if (backends.length >= most) break;
    for (const { url, state } of all) {
      const labels = [shownLabel(name), shownLabel(url)];
      backends.push({ labels, value: truth(state === "up" || state === "draining") });
      if (state === "stopped") stopped.push({ labels, value: 1 });
    }
  }
  return [
    { family: families.serviceUp, samples: services },
    { family: families.serviceHeld, samples: held },
    { family: families.backendUp, samples: backends.slice(0, most) },
    { family: families.backendStopped, samples: stopped.slice(0, most) },
  ];
}

function workersOf(operations: Operations, { vitals, replaced }: OwnNumbers): Known[] {
  const rows = operations.workers();
  const { workers } = operations.status();
  const live = rows.filter(({ state }) => state === "live");
  const bySlot = (value: (row: (typeof rows)[number]) => number): Sample[] =>
    live.map((row) => ({ labels: [String(row.slot)], value: value(row) }));
  // While one takes over from another both have the place: the one that came last counts.
  const told = [...new Map(vitals.map((each) => [each.slot, each])).values()];
  const byTold = (value: (row: WorkerVitals) => number): Sample[] =>
    told.map((row) => ({ labels: [String(row.slot)], value: value(row) }));
  return [
    {
      family: families.workers,
      samples: [
        { labels: ["wanted"], value: workers.wanted },
        { labels: ["live"], value: workers.live },
        { labels: ["leaving"], value: workers.leaving },
      ],
    },
    { family: families.workerMemory, samples: bySlot(({ memory }) => memory) },
    { family: families.workerConnections, samples: bySlot(({ counts }) => counts.connections) },
    { family: families.workerCpu, samples: byTold(({ cpu }) => cpu) },
    { family: families.workerBusy, samples: byTold(({ busy }) => busy) },
    { family: families.workerLag, samples: byTold(({ lag }) => lag) },
    {
      family: families.replacements,
      // From 0 on, so that the first time is seen as a growth.
      samples: [...new Set([...live.map(({ slot }) => slot), ...replaced.keys()])].map((slot) => {
        return { labels: [String(slot)], value: replaced.get(slot) ?? 0 };
      }),
    },
  ];
}

function certificatesOf(rows: readonly CertificateRow[], most: number): Known[] {
  const states = Map.groupBy(rows, ({ state }) => state);
  const seen = new Set<string>();
  const ends = rows
    .slice(0, most)
    .flatMap(({ names: [name], source, fingerprint, until }): Sample[] => {
      const labels = [name ?? "", source, fingerprint?.slice(0, 16) ?? ""];
      const value = Date.parse(until ?? "") / 1000;
      const key = JSON.stringify(labels);
      if (fingerprint === undefined || Number.isNaN(value) || seen.has(key)) return [];
      seen.add(key);
      return [{ labels, value }];
    });
  return [
    { family: families.certificateEnd, samples: ends },
    {
      family: families.certificates,
      samples: [...states].map(([state, all]) => ({ labels: [state], value: all.length })),
    },
  ];
}

function providersOf(rows: readonly ProviderRow[]): Known[] {
  const all = (value: (row: ProviderRow) => number) =>
    rows.map((row) => ({ labels: [row.name, row.kind], value: value(row) }));
  return [
    { family: families.providerUp, samples: all(({ state }) => truth(state === "ok")) },
    { family: families.providerFound, samples: all(({ found }) => found) },
  ];
}

function programOf(operations: Operations, { sums }: OwnNumbers): Known[] {
  const { snapshot, problems, memory, version, node } = operations.status();
  const { user, system } = process.cpuUsage();
  const since = Date.parse(snapshot.since) / 1000;
  return [
    one(families.configVersion, snapshot.version),
    one(families.configTime, Number.isNaN(since) ? 0 : since),
    one(families.configGood, truth(problems.length === 0)),
    one(families.configProblems, problems.length),
    one(families.routes, snapshot.routes),
    one(families.memory, memory),
    one(families.primaryCpu, (user + system) / 1e6),
    one(families.start, startedAt),
    {
      family: families.series,
      samples: meterKinds.map((kind) => ({ labels: [kind], value: sums.rowsOf(kind).size })),
    },
    { family: families.build, samples: [{ labels: [version, node], value: 1 }] },
  ];
}

/** What cannot be read, of a process that is gone or another user's, is left out. */
async function descriptorsOf(operations: Operations): Promise<Sample[]> {
  const live = operations.workers().filter(({ state }) => state === "live");
  const places = [
    ["primary", process.pid] as const,
    ...live.map(({ slot, pid }) => [String(slot), pid] as const),
  ];
  const counted = await Promise.all(
    places.map(async ([name, pid]) => {
      const found = await readdir(`/proc/${pid}/fd`).catch(() => undefined);
      return found === undefined ? [] : [{ labels: [name], value: found.length }];
    }),
  );
  return counted.flat();
}
